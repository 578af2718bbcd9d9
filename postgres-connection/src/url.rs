//! `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE?OPTION=…`: which PostgreSQL.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use crate::tls::Roots;

/// How long a server may take to answer a connection. Another of the URL's is asked after that.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the network may swallow what was sent before a connection counts as broken.
const USER_TIMEOUT: Duration = Duration::from_secs(10);

/// When a connection on which nothing comes is probed, how often, and how many probes may be lost.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVES_LOST_MAX: u32 = 3;

/// One PostgreSQL, or several servers of which one at a time takes writes.
#[derive(Clone)]
pub struct PostgresUrl {
    config: Arc<Config>,
    /// One for each of the servers, in the URL's order.
    pub(crate) each: Arc<[Config]>,
    pub(crate) roots: Option<Roots>,
    /// Without the password.
    shown: String,
    /// As it was given.
    given: Box<str>,
}

/// A text that names no PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostgresUrlError {
    /// It can't be read. What can't be read isn't repeated, for it may be a part of the password.
    #[error(
        "a PostgreSQL is postgres://USER:PASSWORD@HOST:PORT/DATABASE, with a comma between hosts: \
         {0}"
    )]
    Unreadable(&'static str),
    /// It names no server or no database.
    #[error("a PostgreSQL's URL must name a host, a user and a database")]
    Incomplete,
    /// There is another `@` after the one that ends user and password.
    #[error(
        "a PostgreSQL's URL has one @ before the host; one in the user's name or the password is \
         written %40"
    )]
    TwoAts,
    /// It would encrypt without telling who answers.
    #[error(
        "this sslmode isn't offered: it is disable (the default), or verify-full, which checks who \
         answers against the certificates of sslrootcert=FILE, or against the system's"
    )]
    SslMode,
}

impl PostgresUrl {
    /// Whether a text begins like one.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("postgres://") || text.starts_with("postgresql://")
    }

    /// As it was given, with the password: for another process of one's own, never to be shown.
    #[must_use]
    pub fn with_password(&self) -> &str {
        &self.given
    }

    /// What sqlx needs to connect to each of the servers, in the URL's order.
    #[must_use]
    pub fn options(&self) -> Vec<PgConnectOptions> {
        let ports = self.config.get_ports();
        let port = |index: usize| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        let hosts = self.config.get_hosts().iter().enumerate();
        hosts.map(|(index, host)| self.server(host, port(index))).collect()
    }

    /// How long each of the servers may take to answer a connection.
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT)
    }

    fn server(&self, host: &Host, port: u16) -> PgConnectOptions {
        let mut options = PgConnectOptions::new_without_pgpass()
            .username(self.config.get_user().unwrap_or_default())
            .database(self.config.get_dbname().unwrap_or_default())
            .application_name(self.config.get_application_name().unwrap_or_default())
            .port(port)
            // A pooler refuses a connection that asks for it; nothing here is a float.
            .extra_float_digits(None)
            // Where the URL has none, PGPASSWORD would be sent, which counts nowhere else.
            .password("");
        options = match host {
            Host::Tcp(name) => options.host(name),
            Host::Unix(folder) => options.socket(folder),
        };
        if let Some(given) = self.config.get_options() {
            options = options.options(settings_of(given));
        }
        if let Some(password) = self.config.get_password() {
            options = options.password(&String::from_utf8_lossy(password));
        }
        match &self.roots {
            None => options.ssl_mode(PgSslMode::Disable),
            Some(Roots::System) => options.ssl_mode(PgSslMode::VerifyFull),
            Some(Roots::File(file)) => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(file),
        }
    }
}

impl FromStr for PostgresUrl {
    type Err = PostgresUrlError;

    fn from_str(text: &str) -> Result<Self, PostgresUrlError> {
        if has_two_ats(text) {
            return Err(PostgresUrlError::TwoAts);
        }
        let (plain, roots) = without_tls(text)?;
        let mut config: Config =
            plain.parse().map_err(|error| PostgresUrlError::Unreadable(why_unreadable(&error)))?;
        let is_complete = !config.get_hosts().is_empty()
            && config.get_user().is_some()
            && config.get_dbname().is_some();
        if !is_complete {
            return Err(PostgresUrlError::Incomplete);
        }
        let ssl = if roots.is_some() { SslMode::Require } else { SslMode::Disable };
        config.ssl_mode(ssl).target_session_attrs(TargetSessionAttrs::ReadWrite);
        // What the URL says of these counts more.
        if !text.contains("keepalives_idle=") {
            config.keepalives_idle(KEEPALIVE_IDLE);
        }
        if config.get_keepalives_interval().is_none() {
            config.keepalives_interval(KEEPALIVE_INTERVAL);
        }
        if config.get_keepalives_retries().is_none() {
            config.keepalives_retries(KEEPALIVES_LOST_MAX);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(USER_TIMEOUT);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("guerdon");
        }
        let servers = config.get_hosts().len();
        Ok(Self {
            each: (0..servers).map(|index| of_one(&config, index)).collect(),
            config: Arc::new(config),
            roots,
            shown: without_password(text),
            given: text.into(),
        })
    }
}

/// What leads to one of the servers alone.
fn of_one(all: &Config, index: usize) -> Config {
    let mut one = Config::new();
    match all.get_hosts().get(index) {
        Some(Host::Tcp(name)) => drop(one.host(name)),
        Some(Host::Unix(folder)) => drop(one.host_path(folder)),
        None => {}
    }
    let ports = all.get_ports();
    if let Some(port) = ports.get(index).or(ports.first()) {
        one.port(*port);
    }
    if let Some(address) = all.get_hostaddrs().get(index) {
        one.hostaddr(*address);
    }
    if let Some(user) = all.get_user() {
        one.user(user);
    }
    if let Some(password) = all.get_password() {
        one.password(password);
    }
    if let Some(name) = all.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = all.get_options() {
        one.options(options);
    }
    if let Some(name) = all.get_application_name() {
        one.application_name(name);
    }
    if let Some(timeout) = all.get_connect_timeout() {
        one.connect_timeout(*timeout);
    }
    if let Some(timeout) = all.get_tcp_user_timeout() {
        one.tcp_user_timeout(*timeout);
    }
    if let Some(interval) = all.get_keepalives_interval() {
        one.keepalives_interval(interval);
    }
    if let Some(retries) = all.get_keepalives_retries() {
        one.keepalives_retries(retries);
    }
    one.keepalives(all.get_keepalives())
        .keepalives_idle(all.get_keepalives_idle())
        .ssl_mode(all.get_ssl_mode())
        .ssl_negotiation(all.get_ssl_negotiation())
        .channel_binding(all.get_channel_binding())
        .target_session_attrs(all.get_target_session_attrs());
    one
}

/// The settings in a URL's `options`, as in `-c lock_timeout=1s --work_mem=8MB`; a backslash takes
/// the next character as it is.
fn settings_of(options: &str) -> Vec<(String, String)> {
    let (mut words, mut word, mut characters) = (vec![], String::new(), options.chars());
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.extend(characters.next()),
            space if space.is_whitespace() => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    words.push(word);
    let settings = words.iter().filter_map(|word| {
        let setting = word.strip_prefix("--").or(word.strip_prefix("-c")).unwrap_or(word);
        setting.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
    });
    settings.collect()
}

/// Takes out what tokio-postgres doesn't know.
fn without_tls(text: &str) -> Result<(String, Option<Roots>), PostgresUrlError> {
    let Some((base, query)) = text.split_once('?') else { return Ok((text.into(), None)) };
    let (mut kept, mut is_verified, mut file) = (vec![], false, None);
    for option in query.split('&') {
        match option.split_once('=') {
            Some(("sslmode", "disable")) => {}
            Some(("sslmode", "verify-full")) => is_verified = true,
            Some(("sslmode", _)) => return Err(PostgresUrlError::SslMode),
            Some(("sslrootcert", path)) => file = Some(path),
            _ => kept.push(option),
        }
    }
    let roots = match file {
        _ if !is_verified => None,
        None | Some("system") => Some(Roots::System),
        Some(file) => Some(Roots::File(file.into())),
    };
    Ok((format!("{base}?{}", kept.join("&")), roots))
}

/// The driver's reason, in words that repeat nothing of the URL.
fn why_unreadable(error: &tokio_postgres::Error) -> &'static str {
    let reason = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let is_about = |what: &str| reason.contains(&format!("option `{what}`"));
    if reason.starts_with("unknown option") {
        "it has an option that doesn't exist, or a ? that isn't written %3F"
    } else if is_about("port") {
        "a port is a number"
    } else if reason.starts_with("invalid value for option") {
        "an option has a value that it can't have"
    } else {
        "it ends too early, or has a character that must be written as % and two digits"
    }
}

/// A password's own `@` would make the rest of it a host, which is then looked up in vain.
fn has_two_ats(text: &str) -> bool {
    let after = text.split_once('@').map(|(_, place)| place).unwrap_or_default();
    after.split(['/', '?']).next().is_some_and(|hosts| hosts.contains('@'))
}

/// User and password end at the first `@`, as they do for tokio-postgres: a password that isn't
/// percent-encoded may hold what ends a path.
fn without_password(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("postgres", text));
    let (who, place) = match rest.split_once('@') {
        Some((who, place)) => (who.split(':').next().unwrap_or_default(), place),
        None => ("", rest),
    };
    let at = if who.is_empty() { "" } else { "@" };
    let place = place.split('?').next().unwrap_or_default();
    format!("{scheme}://{who}{at}{place}")
}

impl PartialEq for PostgresUrl {
    fn eq(&self, other: &Self) -> bool {
        self.config == other.config && self.roots == other.roots
    }
}

impl Eq for PostgresUrl {}

/// Without the password, wherever it is shown.
impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({})", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let text = "postgres://ann:s3cr%40t@one:5432,two:5433/points?connect_timeout=3";
        let url: PostgresUrl = text.parse().expect("it can be read");
        assert_eq!(url.to_string(), "postgres://ann@one:5432,two:5433/points");
        assert_eq!(format!("{url:?}"), "PostgresUrl(postgres://ann@one:5432,two:5433/points)");
        assert_eq!(url.config.get_password(), Some(&b"s3cr@t"[..]));
        assert_eq!(url.options().len(), 2);
        assert_eq!(url.options()[1].get_port(), 5433);
    }

    #[test]
    fn a_password_is_never_shown_however_it_is_written() {
        for (text, shown) in [
            ("postgres://ann:s3c?ret@one/points", "postgres://ann@one/points"),
            ("postgres://ann:s3c/ret@one/points?connect_timeout=3", "postgres://ann@one/points"),
            ("postgres://ann:s3c#:ret@one/points", "postgres://ann@one/points"),
            ("postgres://one/points?user=ann&password=s3cret", "postgres://one/points"),
            ("postgres://ann@one/points?password=s3cret", "postgres://ann@one/points"),
        ] {
            let url: PostgresUrl = text.parse().expect(text);
            assert_eq!(url.to_string(), shown);
            assert!(url.config.get_password().is_some_and(|password| password.starts_with(b"s3c")));
        }
    }

    #[test]
    fn each_server_of_a_url_has_all_that_the_url_says() {
        let text = "postgres://ann:x@one:5432,two:5433/points?keepalives_idle=7&tcp_user_timeout=8\
                    &options=-c%20lock_timeout%3D1s%20--work_mem%3D8MB";
        let url: PostgresUrl = text.parse().expect("it can be read");
        let [one, two] = &*url.each else { panic!("two servers") };
        assert_eq!(one.get_hosts(), [Host::Tcp("one".into())]);
        assert_eq!(
            (two.get_hosts(), two.get_ports()),
            (&[Host::Tcp("two".into())][..], &[5433][..])
        );
        for server in [one, two] {
            assert_eq!(server.get_user(), Some("ann"));
            assert_eq!(server.get_dbname(), Some("points"));
            assert_eq!(server.get_keepalives_idle(), Duration::from_secs(7));
            assert_eq!(server.get_tcp_user_timeout(), Some(&Duration::from_secs(8)));
            assert_eq!(server.get_keepalives_interval(), Some(KEEPALIVE_INTERVAL));
            assert_eq!(server.get_connect_timeout(), Some(&CONNECT_TIMEOUT));
        }
        let sent = url.options()[0].get_options().map(str::to_owned);
        assert_eq!(sent.as_deref(), Some("-c lock_timeout=1s -c work_mem=8MB"));
    }

    #[test]
    fn what_names_no_server_user_or_database_is_refused() {
        for text in ["postgres://", "postgres://ann@/points", "postgres://one/points"] {
            let error = text.parse::<PostgresUrl>().expect_err(text);
            assert_eq!(error, PostgresUrlError::Incomplete, "{text}");
        }
        let error = "postgres://ann@one:port/points".parse::<PostgresUrl>();
        assert!(matches!(error, Err(PostgresUrlError::Unreadable(_))));
    }

    #[test]
    fn a_refused_url_is_not_repeated() {
        for text in [
            "postgres://ann:s3cret",
            "postgres://ann:s3cret@",
            "postgres://ann:s3cret@one:s3cret/points",
            "postgres://ann:x@one/points?s3cret",
            "postgres://ann:x?s3cret=1@one/points",
            "postgres://ann:x@one/points?sslmode=s3cret",
            "postgres://ann:x@one/points?connect_timeout=s3cret",
            "postgres://ann:x@one/points?port=s3cret",
            "postgres://ann:%s3cret@one/points",
            "postgres://ann:x@s3cret@one/points",
        ] {
            let parsed = text.parse::<PostgresUrl>().map(|url| url.to_string());
            let said = parsed.unwrap_or_else(|error| error.to_string());
            assert!(!said.contains("s3c"), "{text}: {said}");
        }
    }

    #[test]
    fn an_at_that_is_not_encoded_is_refused_and_not_looked_up() {
        let error = "postgres://ann:s3c@ret@one/points".parse::<PostgresUrl>();
        assert_eq!(error, Err(PostgresUrlError::TwoAts));
        let encoded = "postgres://ann:s3c%40ret@one/points".parse::<PostgresUrl>();
        let url = encoded.expect("it is read");
        assert_eq!(url.config.get_password(), Some(&b"s3c@ret"[..]));
    }

    #[test]
    fn encryption_that_does_not_tell_who_answers_is_refused() {
        let with = |mode: &str| format!("postgres://ann@one/points?sslmode={mode}");
        for mode in ["prefer", "require", "verify-ca"] {
            let error = with(mode).parse::<PostgresUrl>().expect_err(mode);
            assert_eq!(error, PostgresUrlError::SslMode);
        }
        let url: PostgresUrl = with("verify-full&sslrootcert=ca.pem").parse().expect("it is read");
        assert_eq!(url.roots, Some(Roots::File("ca.pem".into())));
        assert_eq!(with("disable").parse::<PostgresUrl>().expect("it is read").roots, None);
    }
}

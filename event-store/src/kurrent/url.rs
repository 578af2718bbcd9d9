//! `kurrentdb://…`: the connection string that KurrentDB's clients take, and two words of our own.

use std::fmt;
use std::str::FromStr;

use eventstore::{ClientSettings, Credentials};

/// The name of a log where the URL says none.
const LOG: &str = "main";

/// The most bytes of events that an append has where the URL doesn't say: below the least that a
/// server has by default for `MaxAppendSize`, 1,048,576 up to version 25.0.
const APPEND_BYTES: usize = 1_000_000;

/// What counts where the URL says nothing else. The client waits for the interval before every
/// connection, also the first; by itself half a second, while a writer that has lost an answer has
/// people who wait. Appends and reads are the leader's, so another node would only name it.
const DEFAULTS: &str = "discoveryInterval=50&maxDiscoverAttempts=10&nodePreference=leader";

/// The least that makes sense: any command fits.
const APPEND_BYTES_MIN: usize = 65_536;

/// The most that one event may have by default, 16 MiB. A server takes more in an append from 25.1
/// on, but whoever waits for an answer waits for all of it.
const APPEND_BYTES_MAX: usize = 16_777_216;

/// What the client knows; it would pass over anything else, as over a log's name that is misspelt.
const THEIR_WORDS: [&str; 13] = [
    "maxDiscoverAttempts",
    "discoveryInterval",
    "gossipTimeout",
    "tls",
    "tlsVerifyCert",
    "tlsCaFile",
    "userCertFile",
    "userKeyFile",
    "nodePreference",
    "keepAliveInterval",
    "keepAliveTimeout",
    "defaultDeadline",
    "connectionName",
];

/// The longest deadline, in milliseconds. The client panics on what its protocol can't write.
const DEADLINE_MAX: u32 = 3_600_000;

/// Where a log is kept in KurrentDB: servers, and the log's name on them.
#[derive(Clone, PartialEq, Eq)]
pub struct KurrentUrl {
    text: String,
    /// Without user and password.
    settings: Box<ClientSettings>,
    credentials: Option<Credentials>,
    log: String,
    append_bytes: usize,
}

/// A text that is meant to name a KurrentDB, and doesn't.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KurrentUrlError {
    /// The client can't read it.
    #[error("{0}; it is written kurrentdb://USER:PASSWORD@HOST:PORT,HOST:PORT?log=NAME")]
    Settings(String),
    /// Nobody knows it.
    #[error(
        "{0:?} is no parameter of a log in KurrentDB; its parameters are log, append-bytes, {list}",
        list = THEIR_WORDS.join(", ")
    )]
    Word(String),
    /// It isn't a number, or too small or large.
    #[error(
        "defaultDeadline must be a number of milliseconds from 1 to {DEADLINE_MAX}, and {0:?} is \
         none"
    )]
    Deadline(String),
    /// A log's name becomes a part of a stream's.
    #[error("a log's name has 1 to 64 letters, digits or underscores, and {0:?} doesn't")]
    Name(String),
    /// It isn't a number, or too small or large.
    #[error(
        "append-bytes must be a number from {APPEND_BYTES_MIN} to {APPEND_BYTES_MAX}, and {0:?} is \
         none"
    )]
    AppendBytes(String),
}

impl KurrentUrl {
    /// Whether a text is meant to be one.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        scheme.is_some_and(|scheme| scheme == "kurrentdb" || scheme == "kurrentdb+discover")
    }

    /// As it can be read again.
    #[must_use]
    pub fn with_password(&self) -> &str {
        &self.text
    }

    pub(super) fn settings(&self) -> ClientSettings {
        (*self.settings).clone()
    }

    pub(super) fn credentials(&self) -> Option<Credentials> {
        self.credentials.clone()
    }

    pub(super) fn log(&self) -> &str {
        &self.log
    }

    pub(super) const fn append_bytes(&self) -> usize {
        self.append_bytes
    }
}

impl FromStr for KurrentUrl {
    type Err = KurrentUrlError;

    fn from_str(text: &str) -> Result<Self, KurrentUrlError> {
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        if text.contains('#') || query.contains('@') {
            let why = format!(
                "{} isn't all of a URL: in it, write # as %23, a ? of a password as %3F, and an @ \
                 after the ? as %40",
                shown(text)
            );
            return Err(KurrentUrlError::Settings(why));
        }
        let (mut log, mut append_bytes) = (LOG.to_owned(), APPEND_BYTES);
        let mut theirs = vec![];
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (word, value) = pair.split_once('=').unwrap_or((pair, ""));
            let is = |known: &str| word.eq_ignore_ascii_case(known);
            if is("log") {
                log = checked_name(value)?;
            } else if is("append-bytes") {
                append_bytes = checked_bytes(value)?;
            } else if THEIR_WORDS.into_iter().any(is) {
                if is("defaultDeadline") {
                    check_deadline(value)?;
                }
                theirs.push(pair);
            } else {
                return Err(KurrentUrlError::Word(word.to_owned()));
            }
        }
        // What the user says counts, for it comes later.
        let plain = format!("{}?{DEFAULTS}&{}", shown(base), theirs.join("&"));
        let settings: ClientSettings = plain
            .parse()
            .map_err(|_| KurrentUrlError::Settings(format!("{} is no URL", shown(base))))?;
        if settings.hosts().iter().any(|host| host.host.is_empty()) {
            let why = format!("{} names no host", shown(base));
            return Err(KurrentUrlError::Settings(why));
        }
        let (text, settings) = (text.to_owned(), Box::new(settings));
        Ok(Self { text, settings, credentials: credentials(base)?, log, append_bytes })
    }
}

/// The user and the password before a URL's hosts. The client would send them as they are written.
fn credentials(base: &str) -> Result<Option<Credentials>, KurrentUrlError> {
    let (_, rest) = base.split_once("://").unwrap_or(("", base));
    let Some((who, _)) = rest.rsplit_once('@') else { return Ok(None) };
    let (user, password) = who.split_once(':').unwrap_or((who, ""));
    let decoded = |text| {
        let why =
            || format!("{} has a user or password with a % that encodes nothing", shown(base));
        decoded(text).ok_or_else(|| KurrentUrlError::Settings(why()))
    };
    Ok(Some(Credentials::new(decoded(user)?, decoded(password)?)))
}

/// A text in which a character may be written as %, and its bytes in hexadecimal digits.
fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

fn check_deadline(value: &str) -> Result<(), KurrentUrlError> {
    let is_fine = |deadline: u32| (1..=DEADLINE_MAX).contains(&deadline);
    let wrong = || KurrentUrlError::Deadline(value.to_owned());
    value.parse().ok().filter(|deadline| is_fine(*deadline)).map(|_| ()).ok_or_else(wrong)
}

fn checked_name(name: &str) -> Result<String, KurrentUrlError> {
    let is_fine = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if (1..=64).contains(&name.len()) && name.chars().all(is_fine) {
        Ok(name.to_owned())
    } else {
        Err(KurrentUrlError::Name(name.to_owned()))
    }
}

fn checked_bytes(bytes: &str) -> Result<usize, KurrentUrlError> {
    let is_fine = |bytes: &usize| (APPEND_BYTES_MIN..=APPEND_BYTES_MAX).contains(bytes);
    let number = bytes.parse().ok().filter(is_fine);
    number.ok_or_else(|| KurrentUrlError::AppendBytes(bytes.to_owned()))
}

/// Without user and password, as far as it can be told where they end.
fn shown(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("kurrentdb", text));
    let (base, query) = rest.split_once('?').unwrap_or((rest, ""));
    if query.contains('@') || rest.contains('#') {
        return format!("{scheme}://…");
    }
    let hosts = base.rsplit_once('@').map_or(base, |(_, hosts)| hosts);
    format!("{scheme}://{hosts}")
}

impl fmt::Display for KurrentUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}?log={}", shown(&self.text), self.log)
    }
}

impl fmt::Debug for KurrentUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<KurrentUrl, KurrentUrlError> {
        text.parse()
    }

    #[test]
    fn a_url_keeps_its_password_to_itself() {
        let text = "kurrentdb://ann:s3cret@a:2113,b:2114?tls=false&log=shop&append-bytes=70000";
        let url = url(text).expect("a URL");
        assert_eq!((url.log(), url.append_bytes()), ("shop", 70_000));
        assert_eq!(url.settings().hosts().len(), 2);
        assert_eq!(url.to_string(), "kurrentdb://a:2113,b:2114?log=shop");
        assert!(!format!("{url:?}").contains("s3cret"));
        assert_eq!(url.with_password(), text);
    }

    #[test]
    fn a_log_has_a_name_and_a_limit_without_being_told() {
        let url = url("kurrentdb://localhost").expect("a URL");
        assert_eq!((url.log(), url.append_bytes()), ("main", 1_000_000));
    }

    #[test]
    fn what_names_no_log_is_refused_without_its_password() {
        for text in [
            "kurrentdb://",
            "kurrentdb://x:s3cret@host:port",
            "kurrentdb://x:s3cret@a:1,,b:2",
            "kurrentdb://host?log=",
            "kurrentdb://host?log=a-b",
            "kurrentdb://host?append-bytes=1",
            "kurrentdb://host?append-bytes=99999999",
            "kurrentdb://host?append-bytes=many",
            "kurrentdb://ann:s3cret?ret@host",
            "kurrentdb://ann:1?s3cret@host",
            "kurrentdb://ann:p@s3cret?s3cret@host",
            "kurrentdb://ann:1#s3cret@host",
            "kurrentdb://ann:s3cret%zz@host",
            "kurrentdb://ann:s3cret%f@host",
            "kurrentdb://host?connectionName=s3cret@here",
        ] {
            let error = url(text).expect_err(text).to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_word_that_nobody_knows_is_refused_and_the_others_are_listed() {
        for word in ["log_name", "append_bytes", "lög", "tls-verify-cert"] {
            let error = url(&format!("kurrentdb://host?tls=false&{word}=shop")).expect_err(word);
            assert!(matches!(&error, KurrentUrlError::Word(named) if named == word), "{error}");
            let said = error.to_string();
            assert!(said.contains("append-bytes") && said.contains("tlsCaFile"), "{said}");
        }
    }

    #[test]
    fn a_word_is_the_same_in_any_case() {
        let url = url("kurrentdb://host?TLS=false&Log=shop&Append-Bytes=70000").expect("a URL");
        assert_eq!((url.log(), url.append_bytes()), ("shop", 70_000));
        assert!(!url.settings().is_secure_mode_enabled());
    }

    #[test]
    fn a_user_and_a_password_are_decoded_and_sent_by_the_call_alone() {
        let url = url("kurrentdb://%C3%A4nn:s3c%3Fr%40t%25:x@host").expect("a URL");
        assert_eq!(url.credentials(), Some(Credentials::new("änn", "s3c?r@t%:x")));
        assert_eq!(url.settings().default_authenticated_user(), &None);
        assert_eq!(url.to_string(), "kurrentdb://host?log=main");
    }

    #[test]
    fn a_deadline_is_one_that_can_be_kept() {
        for wrong in ["-1", "0", "3600001", "soon", ""] {
            let error = url(&format!("kurrentdb://host?defaultDeadline={wrong}")).expect_err(wrong);
            assert!(matches!(error, KurrentUrlError::Deadline(_)), "{error}");
        }
        url("kurrentdb://host?defaultdeadline=2000").expect("two seconds");
    }
}

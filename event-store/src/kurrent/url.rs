//! `kurrentdb://…`: the connection string that KurrentDB's clients take, and two words of our own.

use std::fmt;
use std::str::FromStr;

use eventstore::ClientSettings;

/// The name of a log where the URL says none.
const LOG: &str = "main";

/// The most bytes of events that an append has where the URL doesn't say: below the server's
/// default for `MaxAppendSize`, 1,048,576.
const APPEND_BYTES: usize = 1_000_000;

/// What counts where the URL says nothing else. The client waits for the interval before every
/// connection, also the first; by itself half a second, while a writer that has lost an answer has
/// people who wait. Appends and reads are the leader's, so another node would only name it.
const DEFAULTS: &str = "discoveryInterval=50&maxDiscoverAttempts=10&nodePreference=leader";

/// The least that makes sense: any command fits.
const APPEND_BYTES_MIN: usize = 65_536;

/// The most that a server can be told to take, 16 MiB.
const APPEND_BYTES_MAX: usize = 16_777_216;

/// Where a log is kept in KurrentDB: servers, and the log's name on them.
#[derive(Clone, PartialEq, Eq)]
pub struct KurrentUrl {
    text: String,
    settings: Box<ClientSettings>,
    log: String,
    append_bytes: usize,
}

/// A text that is meant to name a KurrentDB, and doesn't.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KurrentUrlError {
    /// The client can't read it.
    #[error("{0}; it is written kurrentdb://USER:PASSWORD@HOST:PORT,HOST:PORT?log=NAME")]
    Settings(String),
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
        let (mut log, mut append_bytes) = (LOG.to_owned(), APPEND_BYTES);
        let mut theirs = vec![];
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("log", name)) => log = checked_name(name)?,
                Some(("append-bytes", bytes)) => append_bytes = checked_bytes(bytes)?,
                _ => theirs.push(pair),
            }
        }
        // What the user says counts, for it comes later.
        let plain = format!("{base}?{DEFAULTS}&{}", theirs.join("&"));
        let settings: ClientSettings = plain
            .parse()
            // Its words may repeat the whole text, with the password in it.
            .map_err(|_| KurrentUrlError::Settings(format!("{} is no URL", shown(base))))?;
        if settings.hosts().iter().any(|host| host.host.is_empty()) {
            let why = format!("{} names no host", shown(base));
            return Err(KurrentUrlError::Settings(why));
        }
        Ok(Self { text: text.to_owned(), settings: Box::new(settings), log, append_bytes })
    }
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

/// Without user and password.
fn shown(base: &str) -> String {
    let (scheme, rest) = base.split_once("://").unwrap_or(("kurrentdb", base));
    let hosts = rest.rsplit_once('@').map_or(rest, |(_, hosts)| hosts);
    format!("{scheme}://{hosts}")
}

impl fmt::Display for KurrentUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.text.split('?').next().unwrap_or_default();
        write!(f, "{}?log={}", shown(base), self.log)
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
        ] {
            let error = url(text).expect_err(text).to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}

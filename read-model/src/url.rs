//! Which read model: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use postgres_connection::{PostgresUrl, PostgresUrlError};

/// Where a read model is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadModelUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A schema of its own in a PostgreSQL database, which may be the log's or another.
    Postgres(Box<PostgresUrl>),
}

/// A text that names no read model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadModelUrlError {
    /// It is none of the kinds.
    #[error("a read model is sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Unknown,
    /// It is meant to be a PostgreSQL.
    #[error(transparent)]
    Postgres(#[from] PostgresUrlError),
}

impl FromStr for ReadModelUrl {
    type Err = ReadModelUrlError;

    fn from_str(text: &str) -> Result<Self, ReadModelUrlError> {
        if PostgresUrl::is_meant(text) {
            return Ok(Self::Postgres(Box::new(text.parse()?)));
        }
        match text.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            _ => Err(ReadModelUrlError::Unknown),
        }
    }
}

/// Without the password.
impl fmt::Display for ReadModelUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => write!(f, "{}", file.display()),
            Self::Postgres(url) => write!(f, "{url}"),
        }
    }
}

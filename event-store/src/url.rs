//! Which store, and where: `sqlite:PATH`, `postgres://…`, `kurrentdb://…` or `memory:`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use postgres_connection::{PostgresUrl, PostgresUrlError};

#[cfg(feature = "kurrent")]
use crate::{KurrentUrl, KurrentUrlError};

/// Where a log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL.
    Postgres(PostgresUrl),
    /// A KurrentDB.
    #[cfg(feature = "kurrent")]
    Kurrent(KurrentUrl),
    /// This process's memory: gone when it ends, for tests and measurements.
    Memory,
}

/// A text that names no store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreUrlError {
    /// It is of no kind that there is.
    #[error(
        "a store is sqlite:PATH, postgres://USER:PASSWORD@HOST:PORT/DATABASE, \
         kurrentdb://USER:PASSWORD@HOST:PORT?log=NAME or memory:"
    )]
    Unknown,
    /// It is a KurrentDB's, and this build has nothing for it.
    #[cfg(not(feature = "kurrent"))]
    #[error(
        "this build has no store in KurrentDB; build it with `cargo build --release --features \
         kurrent`, or use another store"
    )]
    NoKurrent,
    /// It is a KurrentDB's, and names none.
    #[cfg(feature = "kurrent")]
    #[error(transparent)]
    Kurrent(#[from] KurrentUrlError),
    /// It is a PostgreSQL's, and names none.
    #[error(transparent)]
    Postgres(#[from] PostgresUrlError),
}

impl StoreUrl {
    /// As it can be read again, with the password that [`fmt::Display`] keeps to itself.
    #[must_use]
    pub fn with_password(&self) -> String {
        match self {
            Self::Postgres(url) => url.with_password().to_owned(),
            #[cfg(feature = "kurrent")]
            Self::Kurrent(url) => url.with_password().to_owned(),
            Self::Sqlite(_) | Self::Memory => self.to_string(),
        }
    }
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(text: &str) -> Result<Self, StoreUrlError> {
        if PostgresUrl::is_meant(text) {
            return Ok(Self::Postgres(text.parse()?));
        }
        #[cfg(feature = "kurrent")]
        if KurrentUrl::is_meant(text) {
            return Ok(Self::Kurrent(text.parse()?));
        }
        match text.split_once(':') {
            #[cfg(not(feature = "kurrent"))]
            Some(("kurrentdb" | "kurrentdb+discover", _)) => Err(StoreUrlError::NoKurrent),
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            _ => Err(StoreUrlError::Unknown),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => url.fmt(f),
            #[cfg(feature = "kurrent")]
            Self::Kurrent(url) => url.fmt(f),
            Self::Memory => f.write_str("memory:"),
        }
    }
}

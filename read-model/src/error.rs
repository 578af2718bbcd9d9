//! Why a read model can't be opened, in sentences for the people who run it.

use std::path::PathBuf;

use log_record::LogId;
use postgres_connection::PostgresError;

use crate::ReadModelUrl;

/// A read model can't be opened, migrated or written.
#[derive(Debug, thiserror::Error)]
pub enum ReadModelError {
    /// It was made of another log.
    #[error(
        "the read model {at} was made of log {of}, and this is log {log}; give it the log that it \
         was made of, or a new place to have another one made"
    )]
    OtherLog {
        /// The read model.
        at: ReadModelUrl,
        /// The log that it was made of.
        of: LogId,
        /// The log that is there.
        log: LogId,
    },
    /// A newer build made it.
    #[error(
        "the read model {file} was made by a newer build (migration {version}); run that one, or \
         move the file away"
    )]
    NewerSchema {
        /// The read model's file.
        file: PathBuf,
        /// The migration that this build doesn't know.
        version: i64,
    },
    /// There is none.
    #[error("there is no read model at {file}; the projector makes it when it starts first")]
    Missing {
        /// The read model's file.
        file: PathBuf,
    },
    /// The file system refused.
    #[error("can't {doing} {file}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        file: PathBuf,
        /// The system's own error.
        #[source]
        source: std::io::Error,
    },
    /// A PostgreSQL can't be reached, or its schema isn't this build's.
    #[error("the read model can't be used")]
    Postgres(#[from] PostgresError),
    /// Only a PostgreSQL has replicas.
    #[error("the read model {file} is a file, and a replica is one of a read model on PostgreSQL")]
    ReplicaOfFile {
        /// The read model's file.
        file: PathBuf,
    },
    /// The database refused.
    #[error("can't {doing} the read model {at}{}", advice(at))]
    Database {
        /// What was tried.
        doing: &'static str,
        /// The read model.
        at: ReadModelUrl,
        /// The database's own error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ReadModelError {
    /// The database refused to do something with the read model.
    pub fn database(
        doing: &'static str,
        at: &ReadModelUrl,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Database { doing, at: at.clone(), source: source.into() }
    }

    /// Whether the same may succeed later: a database that is away comes back.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Database { .. } => true,
            Self::Postgres(error) => {
                matches!(error, PostgresError::Connect { .. } | PostgresError::NoPrimary { .. })
            }
            _ => false,
        }
    }
}

/// A file may be damaged; a server that refuses is more likely to be away.
const fn advice(at: &ReadModelUrl) -> &'static str {
    match at {
        ReadModelUrl::Sqlite(_) => {
            "; if it is damaged, `guerdon rebuild` makes it anew once the file is moved away"
        }
        ReadModelUrl::Postgres(_) => "",
    }
}

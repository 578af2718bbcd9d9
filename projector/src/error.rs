//! Why a read model can't be used, in sentences for the people who run it.

use std::path::PathBuf;

use event_store::StoreError;
use log_record::{LogId, Place, Position};
use postgres_connection::PostgresError;

use crate::ReadModelUrl;

/// A read model can't be opened, projected into or rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
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
    /// The log's history isn't the one that was projected.
    #[error(
        "log-forked: the read model {at} was made of a log whose event at {place} is not in this \
         one, which was shortened or changed since (its head is at {head}); restore the right log, \
         or, where it is lost, declare this one to be the history with `guerdon fork-log` and then \
         run `guerdon rebuild`: see \"After a fork\" in docs/operations/postgresql.md (a read model \
         that is only removed would have the same ids given out twice)"
    )]
    Forked {
        /// The read model.
        at: ReadModelUrl,
        /// The last event that was projected.
        place: Place,
        /// Where the log ends.
        head: Position,
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
        /// Why not.
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
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The log refused.
    #[error("the log can't be read for the read model")]
    Log(#[from] StoreError),
    /// An event can't be applied.
    #[error("the event at {place} can't be applied: {why}")]
    Unapplicable {
        /// Where it stands.
        place: Place,
        /// Why not.
        why: String,
    },
}

impl ProjectError {
    /// Whether the same may succeed later: a database or a log that is away comes back.
    pub(crate) const fn may_pass(&self) -> bool {
        match self {
            Self::Log(StoreError::Forked { .. }) => false,
            Self::Database { .. } | Self::Log(_) => true,
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

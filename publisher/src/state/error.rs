//! Why the publisher's state can't be read or written.

use crate::lane_name::NoLaneName;

/// Why the publisher's state can't be read or written.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "a variant's sentence explains its fields")]
pub enum StateError {
    /// The database refused.
    #[error("can't use the publisher's state at {at}")]
    Database {
        at: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another of this publisher's transactions takes too long.
    #[error("the publisher's state at {at} is in use; try again")]
    InUse { at: String },
    /// A newer build created the tables.
    #[error("a newer build made the publisher's state {at} (migration {version}); run that build")]
    NewerSchema { at: String, version: i64 },
    /// PostgreSQL can't be reached, or its schema isn't this build's.
    #[error("can't use the publisher's state")]
    Postgres(#[from] postgres_connection::PostgresError),
    /// The state belongs to another log.
    #[error(
        "the publisher's state belongs to log {of}, and this is log {log}; use this log's state, or \
         start with a new one"
    )]
    OtherLog { of: String, log: String },
    /// A row doesn't hold what this build writes.
    #[error("the publisher's state has a row that can't be read: {0}")]
    BadRow(String),
    /// Another publisher took the lease.
    #[error("another publisher has taken over")]
    Deposed,
}

impl From<NoLaneName> for StateError {
    fn from(error: NoLaneName) -> Self {
        Self::BadRow(error.to_string())
    }
}

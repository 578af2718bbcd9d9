//! What can go wrong with a store, in sentences for the people who run it.

use std::path::PathBuf;

use log_record::Place;

/// A store can't do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process writes to the same file.
    #[error(
        "the log {file} is being written to by another process; a log has one writer at a time, \
         so stop that one first, or give this one a data folder of its own"
    )]
    HeldByAnother {
        /// The log's file.
        file: PathBuf,
    },
    /// There is no log to read.
    #[error("there is no log at {file}; the command API makes it when it starts first")]
    Missing {
        /// The log's file.
        file: PathBuf,
    },
    /// The file is damaged.
    #[error("the log {file} is damaged: {what}; restore it from a backup, and keep this file")]
    Corrupt {
        /// The log's file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// An event is damaged or missing.
    #[error("the log is damaged: the event at {place} {what}; restore it from a backup")]
    CorruptEvent {
        /// Where.
        place: Place,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The file was migrated by another build.
    #[error("the log {file} has a schema that this build doesn't know: {what}")]
    Schema {
        /// The log's file.
        file: PathBuf,
        /// How it differs.
        what: String,
    },
    /// A partition that the log doesn't have.
    #[error("the log has no partition {0}")]
    NoSuchPartition(log_record::Partition),
    /// The SQLite library is older than the first that is safe with two connections.
    #[error(
        "SQLite {found} is linked, but 3.51.3 or later is needed: earlier ones can damage a log"
    )]
    SqliteTooOld {
        /// The version that is linked.
        found: &'static str,
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
    /// SQLite refused.
    #[error("can't {doing} the log")]
    Sqlite {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
    /// The schema couldn't be brought up to date.
    #[error("can't bring the schema of the log {file} up to date")]
    Migrate {
        /// The log's file.
        file: PathBuf,
        /// Why not.
        #[source]
        source: Box<sqlx::migrate::MigrateError>,
    },
    /// A memory store was told to fail.
    #[error("the memory store was told to fail")]
    Injected,
    /// The store's thread has ended.
    #[error("the log was closed")]
    Closed,
}

/// An error with all that is behind it, in one line.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

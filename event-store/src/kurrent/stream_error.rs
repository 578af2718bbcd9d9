//! What can be wrong with a stream of the log, in sentences for operators.

use std::time::Duration;

/// A stream of the log in KurrentDB can't be used any more.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "a variant's sentence explains its fields")]
pub enum StreamError {
    /// Somebody else appended to it.
    #[error(
        "another program appended an entry of the type {event_type:?} to the stream {stream}, at \
         revision {revision}, so the ledger appends nothing more there: take that program's right \
         to append away, and copy the log to another store with `guerdon copy-log`, which passes \
         over such entries"
    )]
    Foreign { stream: String, revision: u64, event_type: String },
    /// An entry of the ledger's can't be read.
    #[error(
        "the stream {stream} has an entry at revision {revision}, of the type {event_type:?}, that \
         this build can't read: run the build that wrote it; if that can't read it either, restore \
         the database from a backup"
    )]
    Unreadable { stream: String, revision: u64, event_type: String },
    /// An entry stands where none of its position can.
    #[error(
        "the stream {stream} has an entry at revision {revision} that belongs at revision \
         {expected}: somebody deleted entries or wrote them by hand. Restore the database from a \
         backup; or, if no scavenge has run yet, remove $tb from the stream's metadata and copy \
         the log to another store with `guerdon copy-log`"
    )]
    Misplaced { stream: String, revision: u64, expected: u64 },
    /// The server hides the stream's entries.
    #[error(
        "the server hides entries of the stream {stream}{}: the stream was deleted or truncated. \
         If no scavenge has run yet, remove $tb, $maxAge and $maxCount from its metadata; \
         otherwise restore the database from a backup",
        .metadata.as_ref().map(|json| format!(" (its metadata is {json})")).unwrap_or_default()
    )]
    Hidden {
        stream: String,
        /// The metadata that says so, where it was read.
        metadata: Option<String>,
    },
    /// It was deleted for good.
    #[error(
        "the stream {stream} was deleted for good (a tombstone), and its name can't be used again: \
         restore the database from a backup"
    )]
    Deleted { stream: String },
    /// An append landed elsewhere than it had to.
    #[error(
        "an append to the stream {stream} landed at revision {revision} instead of {expected}: \
         somebody deleted the stream meanwhile. Stop every ledger that uses it, and restore the \
         database from a backup"
    )]
    LandedElsewhere { stream: String, revision: u64, expected: u64 },
    /// Its end was never where it had just been read.
    #[error(
        "the end of the stream {stream} kept moving for {for_long:?}: another writer appends to it \
         all the time, or the server holds appends that it doesn't show"
    )]
    Restless { stream: String, for_long: Duration },
}

impl StreamError {
    /// Whether trying again can help.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Restless { .. })
    }
}

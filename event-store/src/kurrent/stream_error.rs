//! A stream that isn't as the ledger left it, in sentences for the people who run it.

use std::time::Duration;

/// A stream of the log's in KurrentDB can't be gone on with.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// Somebody else appended to it.
    #[error(
        "the stream {stream} has an entry at revision {revision} that isn't the ledger's, of the \
         type {event_type:?}, so nothing more is appended there: take away the right to append \
         from who wrote it, and bring the log to another store with `guerdon copy-log`, which \
         passes over such entries"
    )]
    Foreign {
        /// Which stream.
        stream: String,
        /// Where in it.
        revision: u64,
        /// What the entry says that it is.
        event_type: String,
    },
    /// An entry of the ledger's can't be read.
    #[error(
        "the stream {stream} has an entry at revision {revision}, of the type {event_type:?}, that \
         this build can't read: run the build that wrote it; where that can't either, restore the \
         database from a backup"
    )]
    Unreadable {
        /// Which stream.
        stream: String,
        /// Where in it.
        revision: u64,
        /// What the entry says that it is.
        event_type: String,
    },
    /// An entry stands where none of its position can.
    #[error(
        "the stream {stream} has an entry at revision {revision} that would stand at revision \
         {expected} if nothing had been taken out: it was deleted or written to by hand; restore \
         the database from a backup, or take $tb out of the stream's metadata, if nothing was \
         scavenged yet, and bring the log to another store with `guerdon copy-log`"
    )]
    Misplaced {
        /// Which stream.
        stream: String,
        /// Where it stands.
        revision: u64,
        /// Where it would stand.
        expected: u64,
    },
    /// What it has isn't shown.
    #[error(
        "the stream {stream} has entries that the server doesn't show{}: it was deleted, or \
         truncated; take $tb, $maxAge and $maxCount out of its metadata, if nothing was scavenged \
         yet, or restore the database from a backup",
        .metadata.as_ref().map(|json| format!(" (its metadata is {json})")).unwrap_or_default()
    )]
    Hidden {
        /// Which stream.
        stream: String,
        /// The metadata that says so, where it was read.
        metadata: Option<String>,
    },
    /// It was deleted for good.
    #[error(
        "the stream {stream} was deleted for good (a tombstone), and its name can't be used again: \
         restore the database from a backup"
    )]
    Deleted {
        /// Which stream.
        stream: String,
    },
    /// An append landed elsewhere than it had to.
    #[error(
        "an append to the stream {stream} landed at revision {revision} and not at {expected}: the \
         stream was deleted meanwhile; stop every ledger on it, and restore the database from a \
         backup"
    )]
    LandedElsewhere {
        /// Which stream.
        stream: String,
        /// Its last revision, as it was answered.
        revision: u64,
        /// Its last revision, as it had to be.
        expected: u64,
    },
    /// Its end was never where it had just been read.
    #[error(
        "the stream {stream} didn't end where it was just read to end, for {for_long:?}: another \
         writer appends to it all the time, or the server holds appends that it doesn't show"
    )]
    Restless {
        /// Which stream.
        stream: String,
        /// For how long it was tried.
        for_long: Duration,
    },
}

impl StreamError {
    /// Whether trying again can help.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Restless { .. })
    }
}

//! What can go wrong with a store, in sentences for the people who run it.

use std::path::PathBuf;

use log_record::Place;
use postgres_connection::PostgresError;

/// A store can't do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "a variant's sentence explains its fields")]
pub enum StoreError {
    /// Another process writes to the same file.
    #[error(
        "the log {file} is being written to by another process; a log has one writer at a time, \
         so stop that one first, or give this one a data folder of its own"
    )]
    HeldByAnother { file: PathBuf },
    /// There is no log to read.
    #[error(
        "there is no log at {log}; `guerdon serve` makes it when it starts first. If the log is \
         elsewhere, name its folder with --data-dir, or its URL with --store"
    )]
    Missing { log: String },
    /// An import of the log, or a copy to it, isn't finished, so it may lack events.
    #[error(
        "the log {log} isn't whole: an import or a copy is filling it, or was cut short; run the \
         same `guerdon log import` or `guerdon copy-log` again, which finishes it, or remove the \
         log"
    )]
    UnfinishedImport { log: String },
    /// A store in which no import can be marked as unfinished.
    #[error(
        "{log} takes no import: a log there can't be marked as unfinished; import into SQLite or \
         PostgreSQL, and copy that log with `guerdon copy-log`"
    )]
    NoImport { log: String },
    /// There is such a log already, under another name.
    #[error(
        "log {found} is on that server already, under another name than {log} says; open it by \
         that name, or copy it to another server"
    )]
    AnotherName { log: String, found: log_record::LogId },
    /// Another log is where this one was to go.
    #[error("{log} holds log {found}, not {wanted}")]
    OtherLog { log: String, found: log_record::LogId, wanted: log_record::LogId },
    /// What was read before is no longer there, or isn't what it was.
    #[error(
        "log-forked: the event at {place} was read before and is another now, or gone: the log was \
         restored, or a standby that lagged was promoted; see docs/operations/postgresql.md, or \
         kurrentdb.md where it is there, for what to do after a fork"
    )]
    Forked { place: Place },
    /// Events are in the archive, and its folder isn't known.
    #[error(
        "the events from {place} on are in the archive, in {file}; say where it is with \
         --archive-dir"
    )]
    Archived { place: Place, file: PathBuf },
    /// A range was to be taken out that is in no file.
    #[error("the events from {place} on aren't archived yet, so they stay in the log")]
    NotArchived { place: Place },
    /// The store's server keeps events for as long as the log is there.
    #[error(
        "the log is in KurrentDB, where old events stay in their stream; `guerdon archive` is for \
         logs in SQLite and PostgreSQL"
    )]
    NoArchive,
    /// Positions were to be archived that are no range, or that have no events yet.
    #[error(
        "{first} to {last} can't be archived: ranges have {size} positions each from 1 on, and \
         partition {partition} of the log ends at {head}"
    )]
    NoWholeRange {
        partition: log_record::Partition,
        first: log_record::Position,
        last: log_record::Position,
        size: u64,
        head: log_record::Position,
    },
    /// How large ranges are was to be chosen for a log that is there already.
    #[error(
        "the log {log} was opened with ranges of {found} positions, which can't be changed later"
    )]
    RangesChosen { log: String, found: u64 },
    /// A file of the archive isn't what was written there.
    #[error(
        "the archived {file} is not the file that this log knows: {what}; put the file there whose \
         SHA-256 is {sha256}"
    )]
    DamagedArchive { file: PathBuf, what: String, sha256: String },
    /// A file of the archive isn't where it should be.
    #[error(
        "the archived {file} is missing; put it back (its SHA-256 is {sha256}), or say with \
         --archive-dir where the archive is"
    )]
    MissingArchive { file: PathBuf, sha256: String },
    /// A file was to be written under the name of one with other bytes.
    #[error(
        "{file} is there and has other bytes than were to be archived under its name; it was left \
         as it is: it was damaged, so move it away, and archive again"
    )]
    ArchiveNameTaken { file: PathBuf },
    /// The archive's folder is of another log.
    #[error(
        "the archive in {folder} is of log {found}, and this is log {wanted}; name this log's own \
         folder with --archive-dir"
    )]
    OtherArchive { folder: PathBuf, found: log_record::LogId, wanted: log_record::LogId },
    /// The archive's folder is of another history of the log.
    #[error(
        "log-forked: the archive in {folder} has the event at {place} of generation {generation}, \
         and this log has not: it was restored or shortened, or is a copy that went on by itself; \
         restore the right log, or, where it is lost, declare this one to be the history with \
         `guerdon fork-log`; a copy needs a folder of its own, by --archive-dir; if a copy has \
         archived into this log's folder, remove archive.json there: all of its files stay in use"
    )]
    ArchiveForked { folder: PathBuf, place: Place, generation: log_record::Generation },
    /// The log's server reads another folder than the one that was to be archived into.
    #[error(
        "the server of this log reads archived events in another folder than {folder}, which it \
         calls {served_at}, and couldn't read what is moved here; name that one with --archive-dir \
         (its file archive.json has the id that the log knows)"
    )]
    UnservedArchive { folder: PathBuf, served_at: String },
    /// The archive's folder lacks the file that says which log it is of.
    #[error(
        "archive.json, which says which log the archive in {folder} is of, is missing; put it back, \
         or restart the server of this log, which makes it again"
    )]
    MissingMarker { folder: PathBuf },
    /// Another process moves ranges into the folder.
    #[error(
        "another process is archiving into {folder}, or erases texts in it; let it end, and try \
         again"
    )]
    ArchiveBeingWritten { folder: PathBuf },
    /// A table of PostgreSQL couldn't be written anew.
    #[error(
        "the table {table} can't be written anew, so its files still have texts that were erased: \
         {why}"
    )]
    NotWrittenAnew { table: String, why: &'static str },
    /// The file that says which log a folder is of is damaged.
    #[error(
        "{file}, which says which log the archive is of, is damaged: {what}; put it back, or, if the \
         archive is surely this log's, remove it and restart the server, which makes it again"
    )]
    DamagedMarker { file: PathBuf, what: String },
    /// What would be written here couldn't be read by the server.
    #[error(
        "the ledger's files belong to the user {user}, who couldn't read what this user writes to \
         {folder}; run this as that user, or as root"
    )]
    OtherOwner { folder: PathBuf, user: u32 },
    /// The disk has too little room.
    #[error(
        "there is too little room in {folder}: about {needed} bytes are needed, and {free} are free; \
         nothing was written"
    )]
    NoRoom { folder: PathBuf, needed: u64, free: u64 },
    /// The file is damaged.
    #[error("the log {file} is damaged: {what}; restore it from a backup, and keep this file")]
    Corrupt { file: PathBuf, what: String },
    /// Somebody has moved the files of an open log.
    #[error("the log {file} can't be written any more: {what}")]
    FilesMoved { file: PathBuf, what: &'static str },
    /// An event is damaged or missing.
    #[error("the log is damaged: the event at {place} {what}; restore it from a backup")]
    CorruptEvent { place: Place, what: &'static str },
    /// The log's index of messages isn't what the events say.
    #[error(
        "the log is damaged: message {number} from partition {from} to {to} {what}; restore the log \
         from a backup, or copy it with `guerdon copy-log`, which makes the index of messages anew"
    )]
    CorruptMessage {
        from: log_record::Partition,
        to: log_record::Partition,
        number: u64,
        what: &'static str,
    },
    /// An append had a message with the number of another one.
    #[error(
        "an append to partition {partition} has a message with a number that was sent before, so \
         nothing of it landed: whoever wrote it doesn't know the log; restart it, and look at the \
         log with `guerdon check`"
    )]
    RepeatedMessage { partition: log_record::Partition },
    /// The store's server can't keep the index of messages.
    #[error(
        "{log} can't have {partitions} partitions: an append to KurrentDB goes to one stream, so it \
         can't carry what is sent to other partitions; use one partition, or SQLite or PostgreSQL"
    )]
    OnePartitionOnly { log: String, partitions: u16 },
    /// Events of two histories follow each other.
    #[error(
        "two histories are mixed: the event at {place} is of generation {found} and no log-forked, \
         and the one before it is of generation {before}; restore the right log or archive file"
    )]
    TwoHistories { place: Place, before: log_record::Generation, found: log_record::Generation },
    /// The file was migrated by another build.
    #[error("the log {file} has a schema that this build doesn't know: {what}")]
    Schema { file: PathBuf, what: String },
    /// The log, or a file of its archive, was written in another format.
    #[error(transparent)]
    Format(#[from] log_record::OtherFormat),
    /// A partition that the log doesn't have.
    #[error("the log has no partition {0}")]
    NoSuchPartition(log_record::Partition),
    /// The SQLite library is older than the first that is safe with two connections.
    #[error(
        "SQLite {found} is linked, but 3.51.3 or later is needed: earlier ones can damage a log"
    )]
    SqliteTooOld { found: &'static str },
    /// Another process holds SQLite's lock on the file.
    #[error(
        "can't {doing} the log {file}: another process holds its write lock; let it end its \
         transaction, or end that process"
    )]
    Locked { doing: &'static str, file: PathBuf },
    /// What a former process appended can't be brought to safety.
    #[error(
        "can't open the log {file} to write: another process still reads it as it was before its \
         last events, so they can't be copied out of the write-ahead file; end that process, or \
         its transaction, and start again"
    )]
    NotCopied { file: PathBuf },
    /// The file system refused.
    #[error("can't {doing} {file}")]
    Io {
        doing: &'static str,
        file: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// SQLite refused.
    #[error("can't {doing} the log")]
    Sqlite {
        doing: &'static str,
        #[source]
        source: rusqlite::Error,
    },
    /// PostgreSQL refused, or can't be reached.
    #[error("can't {doing} the log in PostgreSQL")]
    Postgres {
        doing: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// KurrentDB refused, or can't be reached.
    #[error("can't {doing} {what}")]
    Kurrent {
        doing: &'static str,
        what: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A stream in KurrentDB isn't as the ledger left it.
    #[cfg(feature = "kurrent")]
    #[error(transparent)]
    KurrentStream(#[from] crate::StreamError),
    /// PostgreSQL can't be reached, or its schema doesn't fit.
    #[error(transparent)]
    Connection(#[from] PostgresError),
    /// PostgreSQL answered, with a warning.
    #[error(
        "PostgreSQL warned, so it isn't certain that its standby has what was committed; its \
         warning is in the log of this process"
    )]
    Warned,
    /// The schema couldn't be brought up to date.
    #[error("can't bring the schema of the log {file} up to date")]
    Migrate {
        file: PathBuf,
        #[source]
        source: Box<sqlx::migrate::MigrateError>,
    },
    /// A new API key has the id or the text of one that exists.
    #[error("an API key with the same id or the same text exists; make a new one")]
    ApiKeyExists,
    /// What failed for several appends, because they were one commit.
    #[error(transparent)]
    Shared(std::sync::Arc<StoreError>),
    /// A memory store was told to fail.
    #[error("the memory store was told to fail")]
    Injected,
    /// The store's thread has ended.
    #[error("the log was closed")]
    Closed,
}

impl StoreError {
    /// The error for each of so many appends.
    pub(crate) fn for_each(self, appends: usize) -> impl Iterator<Item = Self> {
        let (only, shared) = match appends {
            1 => (Some(self), None),
            _ => (None, Some(std::sync::Arc::new(self))),
        };
        let shared = shared
            .into_iter()
            .flat_map(move |error| std::iter::repeat_n(error, appends).map(Self::Shared));
        only.into_iter().chain(shared)
    }

    /// Whether trying again can help: the log can't be reached or read for now.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        if let Self::Shared(error) = self {
            return error.is_passing();
        }
        #[cfg(feature = "kurrent")]
        if let Self::KurrentStream(error) = self {
            return error.is_passing();
        }
        matches!(
            self,
            Self::Sqlite { .. }
                | Self::Locked { .. }
                | Self::Io { .. }
                | Self::MissingArchive { .. }
                | Self::DamagedArchive { .. }
                | Self::Postgres { .. }
                | Self::Kurrent { .. }
                | Self::Warned
                | Self::Injected
                | Self::Connection(PostgresError::Connect { .. } | PostgresError::NoPrimary { .. })
        )
    }
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

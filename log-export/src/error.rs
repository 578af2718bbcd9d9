//! What can be wrong with an export, or with writing one.

use std::io;
use std::path::{Path, PathBuf};

use log_record::Place;

/// An export that can't be written or read, or that isn't what it should be.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "a variant's sentence explains its fields")]
pub enum ExportError {
    /// The disk says no.
    #[error("can't {doing} {file}")]
    Io {
        doing: &'static str,
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Another run is at work in the folder.
    #[error("another export is at work in {0}; wait until it ends, or name another folder")]
    Taken(PathBuf),
    /// The folder has something else in it.
    #[error(
        "{folder} has {found} in it and no export; name an empty folder or one that isn't there"
    )]
    Foreign { folder: PathBuf, found: String },
    /// The folder has an export of something else.
    #[error("{folder} has an export of {found}, and this one is of {wanted}; name another folder")]
    Another { folder: PathBuf, found: String, wanted: String },
    /// The log isn't what it was when the export was begun.
    #[error(
        "the event at {place} isn't the one that the export in {folder} was begun with: the log \
         was restored, or a fork was declared; name another folder"
    )]
    OtherHistory { folder: PathBuf, place: Place },
    /// There is no finished export.
    #[error("{folder} has no finished export: {what}")]
    NoExport { folder: PathBuf, what: &'static str },
    /// The manifest is damaged, or contradicts itself.
    #[error("{file}: {what}")]
    Manifest { file: PathBuf, what: String },
    /// The export was written in another format.
    #[error(
        "{file}: it was written in format {found}, and this build reads format {wanted}: use the \
         build that wrote it"
    )]
    Format { file: PathBuf, found: u64, wanted: u32 },
    /// The export was made of a log in another format.
    #[error(transparent)]
    LogFormat(#[from] log_record::OtherFormat),
    /// A file isn't the manifest's.
    #[error("{file}: {what}")]
    File { file: PathBuf, what: String },
    /// A line isn't the event that should be there.
    #[error("{file}, line {line}: {what}")]
    Line { file: PathBuf, line: u64, what: String },
    /// The events aren't those that were signed.
    #[error("{0}")]
    Checkpoint(String),
    /// Events were given in another order than that of the log.
    #[error("the event at {found} was given, where {wanted} should be")]
    OutOfOrder { found: Place, wanted: Place },
    /// An event can't be written as it stands.
    #[error("the event at {place} can't be exported")]
    Event {
        place: Place,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// This build writes no Parquet.
    #[cfg(not(feature = "parquet"))]
    #[error(
        "this build writes no Parquet; build it with `cargo build --release --features parquet`, \
         or export as NDJSON"
    )]
    NoParquet,
    /// Only NDJSON is read back event by event.
    #[error(
        "{0} is an export as Parquet, which is for analysis; events are read back from an export \
         as NDJSON"
    )]
    Unreadable(PathBuf),
}

impl ExportError {
    /// Whether the export was read and isn't in order, rather than out of reach.
    #[must_use]
    pub const fn is_finding(&self) -> bool {
        matches!(
            self,
            Self::Manifest { .. } | Self::File { .. } | Self::Line { .. } | Self::Checkpoint(_)
        )
    }

    pub(crate) fn io(doing: &'static str, file: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { doing, file: file.into(), source }
    }
}

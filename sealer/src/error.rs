//! What can go wrong while a log is sealed.

use std::io;
use std::path::{Path, PathBuf};

use event_store::StoreError;
use log_record::Place;
use transparency::{BundleError, CheckpointError, KeyError, NoteError, Origin};

/// A file can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("can't use {file}")]
pub struct FileError {
    /// The file.
    pub file: PathBuf,
    /// The system's error.
    pub source: io::Error,
}

impl FileError {
    pub(crate) fn of(file: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { file: file.into(), source }
    }
}

/// Why a log isn't sealed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "a variant's sentence explains its fields")]
pub enum SealError {
    /// The log can't be read.
    #[error("the log can't be read to seal it")]
    Store(#[from] StoreError),
    /// A file can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file of keys isn't one.
    #[error("{file} holds no signing keys; restore it from a backup, for nothing else can sign")]
    Keys {
        file: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no file of keys.
    #[error(
        "{file} is missing, and this log was in use: restore it from a backup, for whoever knows \
         its key refuses what another one signs. Where it is lost for good, make another key with \
         `guerdon transparency new-key`"
    )]
    NoKeys { file: PathBuf },
    /// There is a file of keys where the first is to be made.
    #[error("{file} has a key; `guerdon transparency rotate-key` adds another")]
    HasKeys { file: PathBuf },
    /// There are trees that a lost key signed.
    #[error(
        "{folder} has trees that the lost key signed: move it elsewhere, keep it for the auditors, \
         and run this again"
    )]
    HasTrees { folder: PathBuf },
    /// The keys aren't those that signed.
    #[error(
        "{file} needs other keys than those in {keys}: one of them signed it, or it hands over to \
         one. Restore the right file of keys from a backup, for nothing else may sign"
    )]
    OtherKeys { file: PathBuf, keys: PathBuf },
    /// A key can't be used.
    #[error("a signing key can't be used")]
    Key(#[from] KeyError),
    /// A checkpoint that was signed before is not what the log gives.
    #[error(
        "log-forked: the events up to {place} were signed and are others now, or gone, as {file} \
         shows; nothing more is signed. Restore the right log, or see \"After a fork\" in \
         docs/operations/postgresql.md"
    )]
    Forked { place: Place, file: PathBuf },
    /// A checkpoint is damaged.
    #[error("{file} is no checkpoint of this log")]
    Checkpoint {
        file: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An event's record is too long to be an entry.
    #[error("the event at {place} can't be an entry")]
    Entry {
        place: Place,
        #[source]
        source: BundleError,
    },
    /// The folder has another tree's export.
    #[error("{folder} has an export of {found}, and this is {expected}: name another folder")]
    OtherExport { folder: PathBuf, found: Origin, expected: Origin },
    /// There is nothing to export.
    #[error("nothing of this log is sealed in {folder}; the part that takes commands seals it")]
    NothingSealed { folder: PathBuf },
    /// The work was cut off.
    #[error("sealing was cut off")]
    Closed,
}

impl SealError {
    /// That a file can't be used.
    pub(crate) fn file(file: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| FileError::of(file)(source).into()
    }

    /// That a checkpoint's note is wrong.
    pub(crate) fn note(file: &Path) -> impl FnOnce(NoteError) -> Self {
        move |source| Self::Checkpoint { file: file.into(), source: source.into() }
    }

    /// That a checkpoint's text is wrong.
    pub(crate) fn checkpoint(file: &Path) -> impl FnOnce(CheckpointError) -> Self {
        move |source| Self::Checkpoint { file: file.into(), source: source.into() }
    }

    /// Whether the log can't be reached or read for now.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_passing())
    }

    /// Whether trying again can't help.
    pub(crate) const fn is_final(&self) -> bool {
        matches!(self, Self::Forked { .. } | Self::Store(StoreError::Forked { .. }))
    }
}

//! Old events in files: whole ranges of positions, each event a line of JSON, compressed.
//!
//! A file is one log partition's range: a first line with the log's format, `{"format":6}`, and
//! then gzip members of [`MEMBER_EVENTS`] lines each, so that an event is read without those before
//! it, and any tool reads the file as one. The log keeps the file's SHA-256 and where its members
//! begin. A process compares a file with that SHA-256 before it uses the first event of it:
//! checksums alone would fit another history of the same log. Every event is verified by its
//! checksum, too.
//!
//! In reading order: `folder.rs` (whose folder it is), `move_range.rs` (how a range gets there),
//! `write_file.rs`, `read_file.rs`, `erase.rs`. A line is `log-line`'s.

mod erase;
mod folder;
mod move_range;
mod read_file;
mod write_file;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use log_record::{Generation, LogId, Partition, Place, Position, RecordedEvent};

use crate::StoreError;
pub use folder::ArchiveFolder;
use read_file::ComparedFiles;

/// How many events are compressed together. A member takes about 300 KB; reading one event takes
/// 2 ms.
pub const MEMBER_EVENTS: u64 = 4_096;

/// How much of its SHA-256 is in a file's name, in bytes: enough that no two histories of a log
/// share a name.
const NAMED_BYTES: usize = 6;

/// A range that was archived: what the log keeps of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedRange {
    /// Of which partition.
    pub partition: Partition,
    /// Its first position.
    pub first: Position,
    /// Its last position.
    pub last: Position,
    /// The name of its file.
    pub file: String,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// Where in the file each member begins.
    pub members: Vec<u64>,
}

impl ArchivedRange {
    /// The name of a range's file: the log, the partition, the positions, the generation of the
    /// last event, and the beginning of its SHA-256. Two histories never have files of one name.
    fn name(&self, log_id: LogId, generation: Generation) -> String {
        let Self { partition, first, last, sha256, .. } = self;
        let hash = log_record::hex(sha256.get(..NAMED_BYTES).unwrap_or_default());
        format!("{log_id}-{partition}-{first}-{last}-g{generation}-{hash}.ndjson.gz")
    }

    /// That the file isn't what the log knows of it.
    fn damaged(&self, path: &Path, what: impl Into<String>) -> StoreError {
        let sha256 = log_record::hex(&self.sha256);
        StoreError::DamagedArchive { file: path.into(), what: what.into(), sha256 }
    }
}

/// The folder of the files, where it is known, and which of them were compared with the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Archive(Option<Arc<Known>>);

#[derive(Debug)]
struct Known {
    folder: PathBuf,
    compared: ComparedFiles,
}

impl Archive {
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self(Some(Arc::new(Known { folder, compared: ComparedFiles::default() })))
    }

    pub(crate) fn folder(&self) -> Option<&Path> {
        self.0.as_ref().map(|known| &*known.folder)
    }

    /// The events of an archived range after `after`, at most `limit`; they end with the range.
    pub(crate) async fn read(
        &self,
        log_id: LogId,
        range: ArchivedRange,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let place = Place { partition: range.partition, position: after.next() };
        let Some(known) = self.0.clone() else {
            return Err(StoreError::Archived { place, file: range.file.into() });
        };
        let wanted = range.last.since(after).min(limit as u64);
        // Whoever else needs this file waits here, and on no thread, while it is hashed.
        let compared = known.compared.of(&range.file).await;
        // It waits for the disk, hashes and unpacks.
        let read = tokio::task::spawn_blocking(move || {
            let path = known.folder.join(&range.file);
            let file = compared.open(&path, &range)?;
            read_file::read(file, &path, log_id, &range, after, wanted)
        });
        read.await.map_err(|_| StoreError::Closed)?
    }
}

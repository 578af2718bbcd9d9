//! Old events in files: whole ranges of positions, each event a line of JSON, compressed.
//!
//! A file is one log partition's range, `{log}-{partition}-{first}-{last}.ndjson.gz`: a first line
//! with the log's format, `{"format":2}`, and then gzip members of [`MEMBER_EVENTS`] lines each, so
//! that an event is read without those before it, and any tool reads the file as one. The log keeps
//! the file's SHA-256 and where its members begin. Every event is verified by its checksum, as it
//! is when it is read from the log.

mod file;
mod line;
mod move_range;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use log_record::{LogId, Partition, Place, Position, RecordedEvent};

use crate::StoreError;
use crate::store::check_rows;

/// How many events are compressed together. A member takes about 300 KB; reading one event takes
/// 2 ms.
pub const MEMBER_EVENTS: u64 = 4_096;

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

/// The folder of the files, where it is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Archive(Option<Arc<Path>>);

impl Archive {
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self(Some(folder.into()))
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
        let Some(folder) = &self.0 else {
            return Err(StoreError::Archived { place, file: range.file.into() });
        };
        let path = folder.join(&range.file);
        let wanted = range.last.since(after).min(limit as u64);
        // It waits for the disk, and unpacks.
        let read = tokio::task::spawn_blocking(move || {
            let events = file::read(&path, &range, after, wanted)?;
            check_rows(log_id, range.partition, after, wanted, &events)?;
            Ok(events)
        });
        read.await.map_err(|_| StoreError::Closed)?
    }
}

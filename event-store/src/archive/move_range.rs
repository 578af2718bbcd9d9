//! Moving a range: written, read back, noted in the log, and only then taken out of it.

use std::path::Path;

use log_record::{Partition, Place, Position};

use super::read_file::read_back;
use super::write_file::Writing;
use super::{ArchiveFolder, ArchivedRange, MEMBER_EVENTS};
use crate::{EventStore, StoreError};

impl EventStore {
    /// How many positions a range of the archive has.
    pub async fn range_positions(&self) -> Result<u64, StoreError> {
        match self {
            Self::Memory(_) => Ok(u64::MAX),
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Err(StoreError::NoArchive),
            Self::Sqlite(store) => store.range_positions().await,
            Self::Postgres(store) => Ok(store.range_positions()),
        }
    }

    /// Whether anything of the range that ends at `last` still is in the log itself; also what a
    /// [`EventStore::take_out`] left behind that was cut short.
    pub async fn is_live(&self, last: Position) -> Result<bool, StoreError> {
        match self {
            Self::Memory(_) => Ok(false),
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Err(StoreError::NoArchive),
            Self::Sqlite(store) => store.is_live(last).await,
            Self::Postgres(store) => store.is_live(last).await,
        }
    }

    /// Sees to it that a partition's range stands in a file in `folder`, that the file can be read
    /// and is what the log holds, and that the log knows of it. Nothing is taken out yet. A range
    /// that is archived already is read back again.
    pub async fn archive_range(
        &self,
        folder: &mut ArchiveFolder,
        partition: Partition,
        first: Position,
        last: Position,
    ) -> Result<ArchivedRange, StoreError> {
        self.check_range(partition, first, last).await?;
        if let Some(range) = self.archived_range(Place { partition, position: first }).await? {
            self.read_back(folder.path(), range.clone()).await?;
            // The run that archived it may have been killed before it had noted that.
            let archived = self.clone().with_archive(folder.path().to_owned());
            let newest = archived.read_one(Place { partition, position: range.last }).await?;
            if !folder.has_noted(&newest) {
                folder.note(&range, &newest)?;
            }
            return Ok(range);
        }
        let (log_id, ends) = (self.log_id(), (first, last));
        let mut writing = Writing::begin(folder.path(), folder.owner(), log_id, partition, ends)?;
        let (mut after, mut newest) = (Position(first.0 - 1), None);
        while after < last {
            let wanted = last.since(after).min(MEMBER_EVENTS);
            let limit = usize::try_from(wanted).unwrap_or(usize::MAX);
            let mut events = self.read(partition, after, limit).await?;
            after = after.plus(events.len() as u64);
            // It packs and waits for the disk; this is a program that does nothing else meanwhile.
            writing.add(&events)?;
            newest = events.pop();
        }
        // If this is killed before the index has the file, an erasure finds it by this note alone.
        self.note_superseded(&writing.file()).await?;
        let range = writing.finish()?;
        self.read_back(folder.path(), range.clone()).await?;
        match self {
            Self::Memory(_) => {}
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => return Err(StoreError::NoArchive),
            Self::Sqlite(store) => store.keep_archived(range.clone()).await?,
            Self::Postgres(store) => store.keep_archived(range.clone()).await?,
        }
        if let Some(newest) = newest {
            folder.note(&range, &newest)?;
        }
        Ok(range)
    }

    /// All ranges that were archived, by partition and position.
    pub async fn archived_ranges(&self) -> Result<Vec<ArchivedRange>, StoreError> {
        match self {
            Self::Memory(_) => Ok(vec![]),
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Ok(vec![]),
            Self::Sqlite(store) => store.archived_ranges().await,
            Self::Postgres(store) => store.archived_ranges().await,
        }
    }

    /// Reads all of a range's file again, from the disk: its SHA-256 and each of its events.
    pub async fn check_archived(&self, range: ArchivedRange) -> Result<(), StoreError> {
        let place = Place { partition: range.partition, position: range.first };
        match self.archive().folder() {
            Some(folder) => self.read_back(folder, range).await,
            None => Err(StoreError::Archived { place, file: range.file.into() }),
        }
    }

    /// Takes the events of a range out of the log; every partition's must be archived.
    pub async fn take_out(&self, first: Position, last: Position) -> Result<(), StoreError> {
        for partition in (0..self.partitions()).map(Partition) {
            let place = Place { partition, position: first };
            if self.archived_range(place).await?.is_none_or(|range| range.last != last) {
                return Err(StoreError::NotArchived { place });
            }
        }
        // What the table says of erasures goes with the events.
        self.note_erasures().await?;
        match self {
            Self::Memory(_) => Ok(()),
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Err(StoreError::NoArchive),
            Self::Sqlite(store) => store.take_out(first, last).await,
            Self::Postgres(store) => store.take_out(last).await,
        }
    }

    /// Only a whole range is taken out, and none that events may still come to.
    async fn check_range(
        &self,
        partition: Partition,
        first: Position,
        last: Position,
    ) -> Result<(), StoreError> {
        let size = self.range_positions().await?;
        let is_range = first.0 % size == 1 % size && Some(last.0) == first.0.checked_add(size - 1);
        let head = self.head(partition).await?.position;
        if is_range && last <= head {
            return Ok(());
        }
        Err(StoreError::NoWholeRange { partition, first, last, size, head })
    }

    async fn read_back(&self, folder: &Path, range: ArchivedRange) -> Result<(), StoreError> {
        let (folder, log_id) = (folder.to_owned(), self.log_id());
        let read = tokio::task::spawn_blocking(move || read_back(&folder, log_id, &range));
        read.await.map_err(|_| StoreError::Closed)?
    }
}

//! The archive's folder, and the file in it that says which log it is of.
//!
//! The marker has the log's id, the folder's own id, and the newest event that was moved into the
//! folder, with its checksum: like whoever keeps a position, the folder notices another history.
//! The log keeps the id of the folder that its server reads.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use log_record::{Generation, LogId, Partition, Place, Position, RecordedEvent, hex};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ArchivedRange;
use crate::{EventStore, Owner, StoreError, replace_json};

/// The file that says which log a folder is of.
const MARKER: &str = "archive.json";

/// Held by the one process that moves ranges into the folder.
const LOCK: &str = "lock";

/// Which log a folder is of.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Marker {
    log_id: Uuid,
    archive_id: Uuid,
    /// The newest event of each partition that was moved here.
    newest: Vec<Newest>,
}

/// An event that the log must have, unless a fork was declared since.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Newest {
    partition: u16,
    generation: u32,
    position: u64,
    checksum: String,
    /// That of the event's file.
    file_sha256: String,
}

/// The archive's folder, in the hand of the one process that moves ranges into it.
#[derive(Debug)]
pub struct ArchiveFolder {
    path: PathBuf,
    owner: Owner,
    marker: Marker,
    /// The operating system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl ArchiveFolder {
    /// Takes the folder in hand, which is made where it is missing. It must be this log's, and the
    /// one that the log's server reads.
    pub async fn take(store: &EventStore, path: &Path) -> Result<Self, StoreError> {
        let owner = store.owner_of(path)?;
        if !owner.is_served() {
            return Err(StoreError::OtherOwner { folder: path.into(), user: owner.user });
        }
        let served = store.archive_served().await?;
        let is_served = |found: &Option<Marker>| match (found, &served) {
            (_, None) => true,
            (found, Some((id, _))) => found.as_ref().is_some_and(|marker| marker.archive_id == *id),
        };
        // Before anything is made there.
        let found = Marker::read(path)?;
        if let Some(marker) = &found {
            marker.check_log(store.log_id(), path)?;
        }
        if !is_served(&found) {
            let served_at = served.map(|(_, folder)| folder).unwrap_or_default();
            if found.is_none() && Path::new(&served_at) == absolute(path) {
                return Err(StoreError::MissingMarker { folder: path.into() });
            }
            return Err(StoreError::UnservedArchive { folder: path.into(), served_at });
        }
        make(path, owner)?;
        let lock = lock(path, owner)?;
        // Again, for another process may have been at work.
        let marker = Marker::read(path)?.unwrap_or_else(|| Marker::of(store.log_id()));
        marker.check(store, path).await?;
        let folder = Self { path: path.into(), owner, marker, _lock: lock };
        folder.save()?;
        if served.is_none() {
            store.serve_archive(folder.marker.archive_id, path).await?;
        }
        Ok(folder)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this event of its partition was noted, or a later one.
    pub(super) fn has_noted(&self, event: &RecordedEvent) -> bool {
        let Place { partition, position } = event.place;
        self.marker.newest.iter().any(|newest| {
            newest.partition == partition.0
                && (newest.generation, newest.position) >= (event.generation.0, position.0)
        })
    }

    pub(super) const fn owner(&self) -> Owner {
        self.owner
    }

    /// Notes the last event of a range that was moved here.
    pub(super) fn note(
        &mut self,
        range: &ArchivedRange,
        last: &RecordedEvent,
    ) -> Result<(), StoreError> {
        let Place { partition, position } = last.place;
        let newest = Newest {
            partition: partition.0,
            generation: last.generation.0,
            position: position.0,
            checksum: hex(&last.checksum.0),
            file_sha256: hex(&range.sha256),
        };
        self.marker.newest.retain(|newest| newest.partition != partition.0);
        self.marker.newest.push(newest);
        self.save()
    }

    /// Notes that a range's events are in another file by now.
    pub(super) fn note_rewritten(
        &mut self,
        former: &ArchivedRange,
        range: &ArchivedRange,
    ) -> Result<(), StoreError> {
        let former = hex(&former.sha256);
        for newest in self.marker.newest.iter_mut().filter(|it| it.file_sha256 == former) {
            newest.file_sha256 = hex(&range.sha256);
        }
        self.save()
    }

    fn save(&self) -> Result<(), StoreError> {
        self.marker.save(&self.path, self.owner)
    }
}

impl Marker {
    fn of(log_id: LogId) -> Self {
        Self { log_id: log_id.0, archive_id: Uuid::now_v7(), newest: vec![] }
    }

    /// The marker of a folder, if it has one.
    fn read(folder: &Path) -> Result<Option<Self>, StoreError> {
        let file = folder.join(MARKER);
        match fs::read(&file) {
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(marker) => Ok(Some(marker)),
                Err(source) => Err(StoreError::DamagedMarker { file, what: source.to_string() }),
            },
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::Io { doing: "read", file, source }),
        }
    }

    fn save(&self, folder: &Path, owner: Owner) -> Result<(), StoreError> {
        let file = folder.join(MARKER);
        replace_json(&file, self, Some(owner)).map_err(|source| StoreError::Io {
            doing: "write",
            file,
            source,
        })
    }

    fn check_log(&self, log_id: LogId, folder: &Path) -> Result<(), StoreError> {
        let found = LogId(self.log_id);
        if found == log_id {
            return Ok(());
        }
        Err(StoreError::OtherArchive { folder: folder.into(), found, wanted: log_id })
    }

    /// Checks that the folder is of this log, and that the log has what was moved here. A log that
    /// a fork was declared on needn't have what came before it.
    async fn check(&self, store: &EventStore, folder: &Path) -> Result<(), StoreError> {
        self.check_log(store.log_id(), folder)?;
        for newest in &self.newest {
            let place = Place {
                partition: Partition(newest.partition),
                position: Position(newest.position),
            };
            let head = store.head(place.partition).await?;
            let is_of_before = newest.generation < head.generation.0;
            if !is_of_before && !newest.is_in(store, folder, head.position).await? {
                return Err(StoreError::ArchiveForked {
                    folder: folder.into(),
                    place,
                    generation: Generation(newest.generation),
                });
            }
        }
        Ok(())
    }
}

impl Newest {
    async fn is_in(
        &self,
        store: &EventStore,
        folder: &Path,
        head: Position,
    ) -> Result<bool, StoreError> {
        let place =
            Place { partition: Partition(self.partition), position: Position(self.position) };
        if place.position > head {
            return Ok(false);
        }
        // One needn't read a file for what its hash says.
        let range = store.archived_range(place).await?;
        if range.is_some_and(|range| hex(&range.sha256) == self.file_sha256) {
            return Ok(true);
        }
        let event = store.clone().with_archive(folder.into()).read_one(place).await?;
        Ok(hex(&event.checksum.0) == self.checksum)
    }
}

impl EventStore {
    /// Checks that the archive's folder, where there is one, isn't another log's.
    pub fn check_archive_log(&self) -> Result<(), StoreError> {
        let archive = self.archive();
        let Some(folder) = archive.folder() else { return Ok(()) };
        match Marker::read(folder)? {
            Some(marker) => marker.check_log(self.log_id(), folder),
            None => Ok(()),
        }
    }

    /// Checks that the archive's folder, where there is one, is of this log's own history.
    pub async fn check_archive(&self) -> Result<(), StoreError> {
        let archive = self.archive();
        let Some(folder) = archive.folder() else { return Ok(()) };
        match Marker::read(folder)? {
            Some(marker) => marker.check(self, folder).await,
            None => Ok(()),
        }
    }

    /// Checks the folder, and notes in the log that its server reads it, so that `guerdon archive`
    /// moves nothing to anywhere else. A folder without a marker gets one.
    pub async fn open_archive(&self) -> Result<(), StoreError> {
        let archive = self.archive();
        let Some(folder) = archive.folder() else { return Ok(()) };
        self.check_archive().await?;
        let newest = self.archived_ranges().await?.pop();
        if let Some(range) = newest.filter(|range| !folder.join(&range.file).exists()) {
            // The parts that need it will say so; the folder may be put back.
            let folder = folder.display();
            tracing::warn!(%folder, file = range.file, "the archive isn't there");
            return Ok(());
        }
        let served = self.archive_served().await?.map(|(id, _)| id);
        let marker = match Marker::read(folder)? {
            Some(marker) => marker,
            None => {
                let owner = self.owner_of(folder)?;
                make(folder, owner)?;
                let marker = Marker::of(self.log_id());
                marker.save(folder, owner)?;
                marker
            }
        };
        if served == Some(marker.archive_id) {
            return Ok(());
        }
        self.serve_archive(marker.archive_id, folder).await
    }

    /// Whose a ledger's files are: the log's file says it, or a folder of the ledger.
    pub fn owner(&self, folder: &Path) -> io::Result<Owner> {
        match self {
            Self::Sqlite(store) => Owner::of(store.file()),
            _ => Owner::of_files_in(folder),
        }
    }

    fn owner_of(&self, folder: &Path) -> Result<Owner, StoreError> {
        self.owner(folder).map_err(|source| StoreError::Io {
            doing: "see who owns",
            file: folder.into(),
            source,
        })
    }

    async fn archive_served(&self) -> Result<Option<(Uuid, String)>, StoreError> {
        match self {
            Self::Memory(_) => Ok(None),
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Err(StoreError::NoArchive),
            Self::Sqlite(store) => store.archive_served().await,
            Self::Postgres(store) => store.archive_served().await,
        }
    }

    async fn serve_archive(&self, archive_id: Uuid, folder: &Path) -> Result<(), StoreError> {
        let folder = absolute(folder).to_string_lossy().into_owned();
        match self {
            Self::Memory(_) => Ok(()),
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Err(StoreError::NoArchive),
            Self::Sqlite(store) => store.serve_archive(archive_id, folder).await,
            Self::Postgres(store) => store.serve_archive(archive_id, folder).await,
        }
    }
}

fn absolute(folder: &Path) -> PathBuf {
    std::path::absolute(folder).unwrap_or_else(|_| folder.into())
}

fn make(folder: &Path, owner: Owner) -> Result<(), StoreError> {
    let make = || {
        if !folder.exists() {
            fs::create_dir_all(folder)?;
            owner.own(&File::open(folder)?)?;
        }
        Ok(())
    };
    make().map_err(|source| StoreError::Io {
        doing: "make the folder",
        file: folder.into(),
        source,
    })
}

fn lock(folder: &Path, owner: Owner) -> Result<File, StoreError> {
    let path = folder.join(LOCK);
    let io = |doing, source| StoreError::Io { doing, file: path.clone(), source };
    let lock = File::create(&path)
        .and_then(|lock| owner.own(&lock).map(|()| lock))
        .map_err(|source| io("open", source))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(StoreError::ArchiveBeingWritten { folder: folder.into() })
        }
        Err(TryLockError::Error(source)) => Err(io("lock", source)),
    }
}

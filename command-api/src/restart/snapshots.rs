//! The folder of snapshots: the newest that can be trusted, and how another one gets in.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use domain::State;
use event_store::{EventStore, Owner, StoreError, free_bytes};
use log_record::{LogId, Partition, Place, Position};
use tokio::task::spawn_blocking;

use super::snapshot::{Checkpoint, Snapshot, Unusable, size, write};
use super::{LoadError, Loaded, go_on_from, is_own};

/// How many are kept: should the newest be damaged, there is the one before.
const KEPT: usize = 2;

/// Where a log's snapshots are. Each is in a file of its own, `LOG-PARTITION-POSITION.snapshot`.
#[derive(Clone, Debug)]
pub struct Snapshots {
    folder: PathBuf,
}

/// What came of taking a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// There is a new one.
    New {
        /// The last event that is in it.
        place: Place,
        /// Its file.
        file: PathBuf,
        /// The file's size.
        bytes: u64,
    },
    /// The newest holds all that the log does.
    UpToDate(Place),
}

/// A snapshot can't be taken.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The log gives no state.
    #[error("the log gives no state to take a snapshot of")]
    Load(#[from] LoadError),
    /// The log can't be read.
    #[error("the log can't be read")]
    Read(#[from] StoreError),
    /// One is being taken.
    #[error("another process is taking a snapshot in {folder}; let it end, and try again")]
    BeingTaken {
        /// The folder of snapshots.
        folder: PathBuf,
    },
    /// The disk has too little room.
    #[error(
        "there is too little room in {folder}: a snapshot takes {needed} bytes, and {free} are \
         free; none was begun"
    )]
    NoRoom {
        /// The folder of snapshots.
        folder: PathBuf,
        /// How large the snapshot would be.
        needed: u64,
        /// How much is free.
        free: u64,
    },
    /// The server couldn't read what would be written.
    #[error(
        "the ledger's files belong to the user {user}, who couldn't read what this user writes to \
         the folder of snapshots, {folder}; run this as that user, or as root"
    )]
    OtherOwner {
        /// The folder of snapshots.
        folder: PathBuf,
        /// The owner's number.
        user: u32,
    },
    /// The file system refused.
    #[error("can't {doing} {file}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        file: PathBuf,
        /// The file system's reason.
        #[source]
        source: io::Error,
    },
    /// The thread that wrote it has failed.
    #[error("writing the snapshot was cut short")]
    CutShort(#[from] tokio::task::JoinError),
}

impl Snapshots {
    /// Those in `folder`, which need not be there.
    #[must_use]
    pub const fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Brings the newest snapshot up to the log's end, and keeps the result beside it. What a
    /// process that was killed left half written is written over.
    pub async fn take(
        &self,
        store: &EventStore,
        partition: Partition,
    ) -> Result<Taken, SnapshotError> {
        let owner = self.owner(store)?;
        let _lock = self.lock(owner)?;
        let log_id = store.log_id();
        let head = store.head(partition).await?.position;
        let (newest, unusable) = self.newest(store, partition, head).await?;
        let Loaded { state, from } = go_on_from(newest, store, partition, head).await?;
        let place = Place { partition, position: head };
        if from == head {
            // Who made it may have been killed before it had done this.
            self.remove_old(log_id, partition)?;
            return Ok(Taken::UpToDate(place));
        }
        let checkpoint = Checkpoint::at(log_id, &store.read_one(place).await?);
        let folder = self.clone();
        let keep = move || {
            let file = folder.file(log_id, place);
            let unfinished = folder.folder.join(format!("{log_id}-{partition}.unfinished"));
            let io = |doing, file: &Path| {
                let file = file.to_owned();
                move |source| SnapshotError::Io { doing, file, source }
            };
            folder.check_room(&checkpoint, &state)?;
            let bytes = write(&unfinished, owner, &checkpoint, &state).map_err(|source| {
                // Half a file would only take the room that the ledger needs.
                drop(fs::remove_file(&unfinished));
                io("write", &unfinished)(source)
            })?;
            // First, for the new one may be put in the place of one of them.
            for file in unusable {
                fs::remove_file(&file).map_err(io("remove", &file))?;
            }
            fs::rename(&unfinished, &file).map_err(io("put in its place", &file))?;
            let synced = File::open(&folder.folder).and_then(|folder| folder.sync_all());
            synced.map_err(io("sync", &folder.folder))?;
            folder.remove_old(log_id, partition)?;
            Ok(Taken::New { place, file, bytes })
        };
        spawn_blocking(keep).await?
    }

    /// Removes all but the newest.
    fn remove_old(&self, log_id: LogId, partition: Partition) -> Result<(), SnapshotError> {
        for (_, file) in self.list(log_id, partition).into_iter().skip(KEPT) {
            fs::remove_file(&file).map_err(|source| {
                let doing = "remove";
                SnapshotError::Io { doing, file, source }
            })?;
        }
        Ok(())
    }

    /// Removes every snapshot of a log: an operator has declared another history.
    pub fn forget(&self, log_id: LogId, partitions: u16) -> io::Result<()> {
        for partition in (0..partitions).map(Partition) {
            for (_, file) in self.list(log_id, partition) {
                fs::remove_file(file)?;
            }
        }
        Ok(())
    }

    /// Whether there is a snapshot of the log, whatever is in it.
    #[must_use]
    pub fn has_any(&self, log_id: LogId, partitions: u16) -> bool {
        (0..partitions).map(Partition).any(|partition| !self.list(log_id, partition).is_empty())
    }

    /// The newest that is whole and of the log's own history, and the files before it that never
    /// will be. Those that were passed over are named in the log.
    pub(super) async fn newest(
        &self,
        store: &EventStore,
        partition: Partition,
        head: Position,
    ) -> Result<(Option<Snapshot>, Vec<PathBuf>), LoadError> {
        self.newest_until(store, partition, head, Position(u64::MAX)).await
    }

    /// The same of those that have no event after `until`.
    pub(super) async fn newest_until(
        &self,
        store: &EventStore,
        partition: Partition,
        head: Position,
        until: Position,
    ) -> Result<(Option<Snapshot>, Vec<PathBuf>), LoadError> {
        let log_id = store.log_id();
        let mut unusable = vec![];
        let folder = self.clone();
        let files = spawn_blocking(move || folder.list(log_id, partition)).await?;
        for (position, file) in files.into_iter().filter(|(position, _)| *position <= until) {
            let path = file.clone();
            let expected = (log_id, partition, position);
            match spawn_blocking(move || Snapshot::read(&path, expected)).await? {
                Ok(snapshot) => {
                    if is_own(&snapshot, store, partition, head).await? {
                        return Ok((Some(snapshot), unusable));
                    }
                    let why = "a fork has declared its last event to be lost";
                    tracing::warn!(file = %file.display(), %why, "a snapshot is passed over");
                    unusable.push(file);
                }
                Err(why @ (Unusable::OtherFormat(_) | Unusable::OtherLogFormat(_))) => {
                    tracing::info!(file = %file.display(), %why, "a snapshot is passed over");
                }
                Err(why) => {
                    tracing::warn!(file = %file.display(), %why, "a snapshot is passed over");
                    // What can't be read now may be whole.
                    if !matches!(why, Unusable::Io(_)) {
                        unusable.push(file);
                    }
                }
            }
        }
        Ok((None, unusable))
    }

    /// The files of a partition, the newest first.
    fn list(&self, log_id: LogId, partition: Partition) -> Vec<(Position, PathBuf)> {
        let start = format!("{log_id}-{partition}-");
        // A folder that isn't there holds none, and one that can't be read is of no more use.
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let name = entry.file_name();
                let name = name.to_str()?.strip_prefix(&start)?.strip_suffix(".snapshot")?;
                Some((Position(name.parse().ok()?), entry.path()))
            })
            .collect();
        files.sort_unstable_by(|one, other| other.cmp(one));
        files
    }

    fn file(&self, log_id: LogId, place: Place) -> PathBuf {
        let Place { partition, position } = place;
        self.folder.join(format!("{log_id}-{partition}-{position}.snapshot"))
    }

    fn owner(&self, store: &EventStore) -> Result<Owner, SnapshotError> {
        let folder = &self.folder;
        let owner = store.owner(folder).map_err(|source| SnapshotError::Io {
            doing: "see who owns",
            file: folder.clone(),
            source,
        })?;
        if owner.is_served() {
            return Ok(owner);
        }
        Err(SnapshotError::OtherOwner { folder: folder.clone(), user: owner.user })
    }

    /// Before the disk is full: the ledger would stand still, too.
    fn check_room(&self, checkpoint: &Checkpoint, state: &State) -> Result<(), SnapshotError> {
        let room = || Ok((size(checkpoint, state)?, free_bytes(&self.folder)?));
        let (needed, free) = room().map_err(|source| {
            let doing = "see how much room there is in";
            SnapshotError::Io { doing, file: self.folder.clone(), source }
        })?;
        if free >= needed {
            return Ok(());
        }
        Err(SnapshotError::NoRoom { folder: self.folder.clone(), needed, free })
    }

    /// Held for as long as a snapshot is being taken; the operating system lets go of it when the
    /// process ends, however it ends.
    fn lock(&self, owner: Owner) -> Result<File, SnapshotError> {
        let file = self.folder.join("lock");
        let io = |doing, source| SnapshotError::Io { doing, file: file.clone(), source };
        let made = fs::create_dir_all(&self.folder);
        let made = made.and_then(|()| owner.own(&File::open(&self.folder)?));
        made.map_err(|source| io("make the folder of", source))?;
        let lock = File::create(&file).and_then(|lock| owner.own(&lock).map(|()| lock));
        let lock = lock.map_err(|source| io("open", source))?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => {
                Err(SnapshotError::BeingTaken { folder: self.folder.clone() })
            }
            Err(TryLockError::Error(source)) => Err(io("lock", source)),
        }
    }
}

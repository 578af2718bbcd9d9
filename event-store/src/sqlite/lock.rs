//! The lock that keeps a second writer away from a log's file, and remembers which log it holds.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use log_record::LogId;

use crate::StoreError;

/// Held for as long as a process may write. The operating system lets go of it when the process
/// ends, however it ends.
#[derive(Debug)]
pub(super) struct WriterLock {
    file: File,
    path: PathBuf,
}

/// The id of the log that was last made in a file, as the lock beside it says.
pub(super) fn noted_log_id(log: &Path) -> Option<LogId> {
    std::fs::read_to_string(beside(log)).ok()?.trim().parse().ok().map(LogId)
}

/// Whether another process holds the lock beside a file, and so may write to it.
pub(super) fn is_held(log: &Path) -> bool {
    let held = |file: File| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    File::open(beside(log)).is_ok_and(held)
}

fn beside(log: &Path) -> PathBuf {
    let mut path = log.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

impl WriterLock {
    /// Locks `FILE.lock` beside the log.
    pub(super) fn acquire(log: &Path) -> Result<Self, StoreError> {
        let path = beside(log);
        let io = |doing, source| StoreError::Io { doing, file: path.clone(), source };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|source| io("open for writing", source))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file, path }),
            Err(TryLockError::WouldBlock) => Err(StoreError::HeldByAnother { file: log.into() }),
            Err(TryLockError::Error(source)) => Err(io("lock", source)),
        }
    }

    /// The id of the log that was last made beside the lock. It tells a log that has lost all it
    /// had from one that is new.
    pub(super) fn log_id(&mut self) -> Result<Option<LogId>, StoreError> {
        let mut text = String::new();
        self.file
            .rewind()
            .and_then(|()| self.file.read_to_string(&mut text))
            .map_err(|source| StoreError::Io { doing: "read", file: self.path.clone(), source })?;
        Ok(text.trim().parse().ok().map(LogId))
    }

    /// Notes which log was made beside the lock.
    pub(super) fn note_log_id(&mut self, log_id: LogId) -> Result<(), StoreError> {
        self.file
            .rewind()
            .and_then(|()| self.file.set_len(0))
            .and_then(|()| writeln!(self.file, "{log_id}"))
            .and_then(|()| self.file.sync_all())
            .map_err(|source| StoreError::Io { doing: "write", file: self.path.clone(), source })
    }
}

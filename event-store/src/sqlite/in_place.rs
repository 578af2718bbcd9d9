//! Whether the files of an open log are still those under their names.
//!
//! SQLite doesn't look. Where the write-ahead file is removed under it, it goes on in the file that
//! has no name any more, and all that is answered from then on is gone with the process.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::StoreError;

/// The files of a log that this process writes; clones share what was found.
#[derive(Clone, Debug)]
pub(super) struct InPlace(Arc<Files>);

#[derive(Debug)]
struct Files {
    log: PathBuf,
    ids: [Option<FileId>; 2],
    /// What was found, once something was.
    lost: OnceLock<&'static str>,
}

/// How long the ledger tries to copy a write-ahead file that was removed, and the pause between two
/// tries. It answers nothing meanwhile.
const COPY_MAX: Duration = Duration::from_secs(60);
const COPY_AGAIN: Duration = Duration::from_millis(50);

/// A file, whatever its name.
type FileId = (u64, u64);

const WAL_LOST: &str = "its write-ahead file (-wal) was removed or replaced while the ledger ran. All that was \
     recorded has been copied into the log; start the ledger again, and move its files only while \
     it is stopped";
const WAL_LOST_UNCOPIED: &str = "its write-ahead file (-wal) was removed or replaced while the ledger ran, and what was in it \
     could not be copied into the log: what was answered last may be lost. Move the ledger's files \
     only while it is stopped";
const LOG_LOST: &str = "it was removed or replaced while the ledger ran: what was answered since is lost. Put it back \
     beside its write-ahead file (-wal), which has what was answered before, or restore the log; \
     move the ledger's files only while it is stopped";

impl InPlace {
    /// Once a connection has the files open.
    pub(super) fn of(log: &Path) -> Self {
        // SQLite calls the write-ahead file after the file that a link leads to.
        let log = &std::fs::canonicalize(log).unwrap_or_else(|_| log.into());
        let ids = [id_of(log).ok().flatten(), id_of(&wal_of(log)).ok().flatten()];
        Self(Arc::new(Files { log: log.into(), ids, lost: OnceLock::new() }))
    }

    /// Looks whether the files are there. Where the write-ahead file isn't, `connection`, which has
    /// it open, copies what is in it into the log.
    pub(super) fn check(&self, connection: &Connection) -> Result<(), StoreError> {
        self.was_checked()?;
        let Files { log, ids: [log_id, wal_id], lost } = &*self.0;
        // Where it can't be looked, nothing is known.
        let is_there = |file: &Path, id: &Option<FileId>| {
            id.is_none() || id_of(file).map_or(true, |found| found == *id)
        };
        if !is_there(log, log_id) {
            lost.get_or_init(|| LOG_LOST);
        } else if !is_there(&wal_of(log), wal_id) {
            lost.get_or_init(|| if copy_all(connection) { WAL_LOST } else { WAL_LOST_UNCOPIED });
        }
        self.was_checked()
    }

    /// What was found when the files were last looked at.
    pub(super) fn was_checked(&self) -> Result<(), StoreError> {
        match self.0.lost.get() {
            None => Ok(()),
            Some(what) => Err(StoreError::FilesMoved { file: self.0.log.clone(), what }),
        }
    }
}

/// The write-ahead file's name.
pub(super) fn wal_of(log: &Path) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Copies everything into the log, and tries again for up to [`COPY_MAX`]: another process may
/// still read an older state, or this process's own checkpoint may hold a lock that SQLite doesn't
/// wait for.
fn copy_all(connection: &Connection) -> bool {
    let begin = Instant::now();
    loop {
        if copy(connection) {
            return true;
        }
        if begin.elapsed() > COPY_MAX {
            return false;
        }
        std::thread::sleep(COPY_AGAIN);
    }
}

fn copy(connection: &Connection) -> bool {
    let copied = connection.query_row("pragma wal_checkpoint(full)", (), |row| {
        let (is_busy, written, copied): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(!is_busy && copied >= written)
    });
    copied.unwrap_or_default()
}

/// Nothing where there is no file.
fn id_of(file: &Path) -> std::io::Result<Option<FileId>> {
    match std::fs::metadata(file) {
        Ok(found) => Ok(Some((found.dev(), found.ino()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

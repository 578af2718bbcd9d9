//! The tables' file, whose connection is used only on threads that may wait.
//!
//! Another process's lock and a slow disk hold up the thread that asks. A thread of the runtime has
//! every request of the process to serve, so nothing else in this crate opens a file.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use read_model::FileId;
use rusqlite::{Connection, OpenFlags};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::draft;
use crate::write::WriteError;

/// How long a statement waits for another's transaction. Those of this ledger take milliseconds,
/// and a few seconds where a projector is far behind; after that, projecting has failed for now,
/// and says why.
const BUSY_TIMEOUT: Duration = Duration::from_secs(15);

/// Frames in the write-ahead file before they are moved into the file: 128 MB at 4 KiB, so that the
/// move is rare, and a page that many batches touch is moved once.
const CHECKPOINT_FRAMES: u32 = 32_768;

/// What the write-ahead file is cut to when it begins anew, however large a long read or a large
/// batch has let it grow: as large as it becomes without one.
const WAL_BYTES_MAX: u32 = 128 << 20;

/// A larger write-ahead file is cut while there is nothing to project.
const QUIET_BYTES_MAX: u64 = 1 << 20;

/// How long that may keep others waiting.
const CUT_WAIT: Duration = Duration::from_millis(50);

/// The writing connection's page cache, in SQLite's notation: 64 MB, the indexes' upper pages of
/// tens of millions of rows. With the default of 2 MB, much of the time went into reading pages.
pub(super) const CACHE_KIBIBYTES: i32 = -65_536;

/// How often a file may be replaced while it is opened.
const REPLACED_MAX: usize = 5;

/// The file under a name.
#[derive(Debug)]
pub(crate) struct TablesFile {
    file: PathBuf,
    /// It may be a draft, which the live one never is.
    may_be_draft: bool,
    /// When a batch was written last.
    pub(super) written_at: Option<Instant>,
    /// `None` while a job has it, and after a job that panicked or wasn't waited for.
    open: Option<OpenFile>,
}

/// An open file.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub(crate) connection: Connection,
    file: PathBuf,
    id: FileId,
    pub(super) is_draft: bool,
}

impl TablesFile {
    pub(crate) async fn open(file: &Path) -> Result<Self, WriteError> {
        Self::open_as(file, false).await
    }

    /// Opens a file that may be a draft.
    pub(crate) async fn open_draft(file: &Path) -> Result<Self, WriteError> {
        Self::open_as(file, true).await
    }

    async fn open_as(file: &Path, may_be_draft: bool) -> Result<Self, WriteError> {
        let mut opened = Self { file: file.into(), may_be_draft, written_at: None, open: None };
        opened.run(|_| Ok(())).await?;
        Ok(opened)
    }

    /// Runs a job with the connection to the file that is under the name by now.
    pub(crate) async fn run<T: Send + 'static>(
        &mut self,
        job: impl FnOnce(&OpenFile) -> Result<T, WriteError> + Send + 'static,
    ) -> Result<T, WriteError> {
        let (file, may_be_draft, open) = (self.file.clone(), self.may_be_draft, self.open.take());
        let ran = spawn_blocking(move || {
            let open = match open {
                Some(open) if !open.is_replaced() => open,
                _ => OpenFile::open(&file, may_be_draft)?,
            };
            let done = job(&open);
            Ok::<_, WriteError>((open, done))
        });
        let (open, done) = ran.await.map_err(|error| WriteError::Failed(error.into()))??;
        self.open = Some(open);
        done
    }

    /// Closes the connection; the last one of a file moves all that is written into the file. A
    /// job that comes later makes another.
    pub(crate) async fn close(&mut self) {
        if let Some(open) = self.open.take() {
            // It can only panic.
            drop(spawn_blocking(move || drop(open)).await);
        }
    }
}

/// Closing writes, too.
impl Drop for TablesFile {
    fn drop(&mut self) {
        if let (Some(open), Ok(runtime)) = (self.open.take(), Handle::try_current()) {
            runtime.spawn_blocking(move || drop(open));
        }
    }
}

impl OpenFile {
    fn open(file: &Path, may_be_draft: bool) -> Result<Self, WriteError> {
        let id_of = || FileId::of(file).map_err(|error| WriteError::Failed(error.into()));
        let mut id = id_of()?;
        for _ in 0..REPLACED_MAX {
            let connection = connect_to_write(file)?;
            let is_draft = may_be_draft && draft::is_draft(&connection)?;
            if is_draft {
                draft::prepare(&connection)?;
            }
            let opened = Self { connection, file: file.into(), id, is_draft };
            id = id_of()?;
            if id == opened.id {
                return Ok(opened);
            }
        }
        Err(WriteError::Failed("the file is replaced again and again".into()))
    }

    /// Moves what is in the write-ahead file into the file and cuts it, if it is large and nobody
    /// reads what is in it.
    pub(crate) fn cut_wal(&self) -> rusqlite::Result<()> {
        // SQLite calls it after the file that a link leads to.
        let mut wal = std::fs::canonicalize(&self.file).unwrap_or_default().into_os_string();
        wal.push("-wal");
        if !std::fs::metadata(wal).is_ok_and(|wal| wal.len() > QUIET_BYTES_MAX) {
            return Ok(());
        }
        self.connection.query_row("pragma wal_checkpoint(passive)", (), |_| Ok(()))?;
        self.connection.busy_timeout(CUT_WAIT)?;
        let cut = self.connection.query_row("pragma wal_checkpoint(truncate)", (), |_| Ok(()));
        self.connection.busy_timeout(BUSY_TIMEOUT)?;
        cut
    }

    /// Whether a rebuild has put another file in this one's place. While this connection has the
    /// write lock, none does.
    pub(crate) fn is_replaced(&self) -> bool {
        FileId::of(&self.file).ok() != Some(self.id)
    }
}

/// Opens a file to read what is in it, beside whoever writes it.
pub(crate) fn open_to_read(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// With its statements prepared once it is five times as fast as the pool, which hops to a thread
/// and back for each of them.
pub(super) fn connect_to_write(file: &Path) -> rusqlite::Result<Connection> {
    // It never makes a file: one without tables would be of no use.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // What is deleted is overwritten.
    connection.pragma_update(None, "secure_delete", "on")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "cache_size", CACHE_KIBIBYTES)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_FRAMES)?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_MAX)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A database in this process's memory, which every connection with its name shares. It is there as
/// long as one of them is.
pub(super) fn connect_to_memory(name: &str) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_MEMORY
        | OpenFlags::SQLITE_OPEN_SHARED_CACHE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(name, flags)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

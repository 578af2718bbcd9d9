//! The tables in a SQLite file, to read. A rebuild gives the file's name to another file; then
//! readers open that one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use super::pages::FilePages;
use super::single_read::FileSingleReads;
use crate::file_id::FileId;

/// How many reads of a file run at the same time; more would share the same cores.
const CONNECTIONS_MAX: u32 = 4;

/// How many single reads of a file run at the same time; more would share the same cores.
const SINGLE_READS_MAX: usize = 4;

/// A file that is read.
#[derive(Debug)]
pub(super) struct ReadFile {
    name: PathBuf,
    options: SqliteConnectOptions,
    open: RwLock<Arc<OpenFile>>,
}

/// Connections to the file that was under a name.
#[derive(Debug)]
pub(super) struct OpenFile {
    id: Option<FileId>,
    pub(super) pool: SqlitePool,
    pub(super) single_reads: FileSingleReads,
    pub(super) pages: FilePages,
}

impl ReadFile {
    pub(super) async fn open(
        name: PathBuf,
        options: SqliteConnectOptions,
    ) -> Result<Self, sqlx::Error> {
        let open = OpenFile::open(&name, &options).await?;
        Ok(Self { name, options, open: RwLock::new(Arc::new(open)) })
    }

    pub(super) fn current(&self) -> Arc<OpenFile> {
        Arc::clone(&self.open.read())
    }

    /// What is open by now instead of what has been closed; otherwise gives the error back.
    pub(super) fn instead(
        &self,
        closed: &Arc<OpenFile>,
        error: sqlx::Error,
    ) -> Result<Arc<OpenFile>, sqlx::Error> {
        let current = self.current();
        if Arc::ptr_eq(closed, &current) { Err(error) } else { Ok(current) }
    }

    /// Opens the file that is under the name by now, where it is another one.
    pub(super) async fn renew(&self) -> Result<bool, sqlx::Error> {
        let known = self.current().id;
        // A file that was removed is read on.
        let Some(there) = FileId::find(self.name.clone()).await.ok() else { return Ok(false) };
        if known == Some(there) {
            return Ok(false);
        }
        let open = Arc::new(OpenFile::open(&self.name, &self.options).await?);
        tracing::info!(file = %self.name.display(), "the read tables were replaced");
        let old = std::mem::replace(&mut *self.open.write(), open);
        // Reads that have begun go on.
        tokio::spawn(async move { old.close().await });
        Ok(true)
    }
}

impl OpenFile {
    async fn open(name: &Path, options: &SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        // Before it is opened: if it is replaced meanwhile, that is noticed the next time.
        let id = FileId::find(name.to_path_buf()).await.ok();
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .test_before_acquire(false)
            .connect_with(options.clone())
            .await?;
        let single_reads = FileSingleReads::new(options.clone(), SINGLE_READS_MAX);
        let pages = FilePages::new(name.to_path_buf());
        Ok(Self { id, pool, single_reads, pages })
    }

    pub(super) async fn close(&self) {
        self.pages.close();
        self.single_reads.close().await;
        self.pool.close().await;
    }
}

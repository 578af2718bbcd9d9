//! The log in a SQLite file: the embedded default.
//!
//! One thread owns the one connection that appends, two more own connections that read, and one
//! copies what was appended into the log's file. Every commit is synced (`synchronous=full` in WAL
//! mode). A lock on a file beside the log keeps other writers away; readers in other processes are
//! welcome.

mod api_keys;
mod append;
mod archived;
mod checkpointer;
mod code_key;
mod erasures;
mod in_place;
mod lock;
mod marks;
mod messages;
mod open;
mod rows;
mod switches;
mod thread;
mod unrecorded_calls;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use log_record::{
    BatchId, Epoch, Generation, Head, LogId, Partition, Position, RecordedEvent, WriterId,
};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::append::in_doubt;
use crate::archive::Archive;
use crate::read_public::{Made, Make};
use crate::recent::Recent;
use crate::{Access, Append, AppendError, ImportState, Landed, StoreError, Unlanded};
use append::append_in;
use checkpointer::Checkpointer;
use in_place::InPlace;
use lock::WriterLock;
use rows::{failed, read_events, read_public, select_head, select_heads};
use thread::ConnectionThread;

const TAKE_OVER: &str = include_str!("sqlite/take_over.sql");
const RESOLVE_DOUBT: &str = include_str!("sqlite/resolve_doubt.sql");

/// How many connections read: one for the projector's long reads, one for the short ones that
/// answer repeats.
const READERS: usize = 2;

/// A log in a SQLite file. Cloning gives another handle to the same connections.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    shared: Arc<Shared>,
    pub(crate) archive: Archive,
}

#[derive(Debug)]
struct Shared {
    file: PathBuf,
    log_id: LogId,
    recent: Arc<[Arc<Recent>]>,
    readers: Vec<ConnectionThread>,
    next_reader: AtomicUsize,
    in_place: InPlace,
    /// Before the writer's connection, which it has jobs for.
    checkpointer: Option<Checkpointer>,
    /// Last but one, so that the writer's connection closes after the readers'.
    writer: Option<ConnectionThread>,
    /// Last, so that the lock is held until every connection is closed.
    _lock: Option<WriterLock>,
}

impl SqliteStore {
    /// Opens the log in `file`, as `access` allows.
    pub async fn open(file: &Path, access: Access) -> Result<Self, StoreError> {
        rows::check_library()?;
        let (file, runtime) = (file.to_path_buf(), Handle::current());
        // It waits for the disk, and for others' locks.
        let opened = spawn_blocking(move || Self::open_here(&file, access, &runtime));
        opened.await.map_err(|_| StoreError::Closed)?
    }

    /// On a thread that may wait.
    fn open_here(file: &Path, access: Access, runtime: &Handle) -> Result<Self, StoreError> {
        let opened = match access {
            Access::Write(new_log) => runtime.block_on(open::for_writing(file, new_log, false))?,
            Access::Import(new_log) => runtime.block_on(open::for_writing(file, new_log, true))?,
            Access::Read => open::for_reading(file)?,
        };
        let readers = (0..READERS)
            .map(|_| ConnectionThread::start(open::reading_connection(file)?, file))
            .collect::<Result<_, _>>()?;
        let writer = opened
            .writer
            .map(|connection| ConnectionThread::start(connection, file))
            .transpose()?;
        let in_place = InPlace::of(file);
        let checkpointer = match &writer {
            Some(writer) => Some(Checkpointer::start(file, writer.jobs()?, in_place.clone())?),
            None => None,
        };
        Ok(Self {
            archive: Archive::default(),
            shared: Arc::new(Shared {
                file: file.into(),
                log_id: opened.log_id,
                recent: Recent::of_log(opened.partitions).into(),
                readers,
                next_reader: AtomicUsize::new(0),
                in_place,
                checkpointer,
                writer,
                _lock: opened.lock,
            }),
        })
    }

    /// Whether another process has the log in `file` open to write.
    #[must_use]
    pub fn is_held(file: &Path) -> bool {
        lock::is_held(file)
    }

    pub(crate) fn log_id(&self) -> LogId {
        self.shared.log_id
    }

    pub(crate) fn partitions(&self) -> u16 {
        u16::try_from(self.shared.recent.len()).unwrap_or(u16::MAX)
    }

    pub(crate) async fn take_over(
        &self,
        partition: Partition,
        writer: WriterId,
    ) -> Result<Head, StoreError> {
        self.move_epoch(TAKE_OVER, partition, writer)
            .await?
            .ok_or(StoreError::NoSuchPartition(partition))
    }

    pub(crate) async fn resolve_doubt(
        &self,
        partition: Partition,
        writer: WriterId,
    ) -> Result<Option<Head>, StoreError> {
        self.move_epoch(RESOLVE_DOUBT, partition, writer).await
    }

    async fn move_epoch(
        &self,
        statement: &'static str,
        partition: Partition,
        writer: WriterId,
    ) -> Result<Option<Head>, StoreError> {
        self.write("take over", move |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let head = transaction
                .query_row(statement, (partition.0, writer.0.as_bytes()), head_of_row)
                .optional()?;
            transaction.commit()?;
            Ok(head)
        })
        .await
    }

    /// `sealed` gives the rows to append, on the thread that writes: meanwhile the next are
    /// decided. Its `appends` share one commit.
    pub(crate) async fn append(
        &self,
        appends: usize,
        sealed: impl FnOnce() -> Vec<Append<RecordedEvent>> + Send + 'static,
    ) -> Vec<Result<Landed, AppendError>> {
        let Shared { recent, in_place, checkpointer, writer, .. } = &*self.shared;
        let Some(writer) = writer else { return in_doubt(StoreError::Closed, appends) };
        let (in_place, recent) = (in_place.clone(), Arc::clone(recent));
        let job = move |connection: &mut Connection| {
            let rows = sealed();
            let events: usize = rows.iter().map(|append| append.events.len()).sum();
            (events as u64, append_in(connection, &in_place, &recent, rows))
        };
        let (events, ended) = match writer.run(job).await {
            Ok(ended) => ended,
            Err(error) => return in_doubt(error, appends),
        };
        if let Some(checkpointer) = checkpointer
            && ended.iter().any(Result::is_ok)
        {
            checkpointer.appended(events);
        }
        ended
    }

    /// Whether the log's files are where they were, as far as it was looked lately.
    pub(crate) fn confirm(&self) -> Result<(), AppendError> {
        let checked = self.shared.in_place.was_checked();
        checked.map_err(|error| AppendError::NotBegun(error, Unlanded::default()))
    }

    pub(crate) async fn head(&self, partition: Partition) -> Result<Head, StoreError> {
        self.on_reader(move |connection| select_head(connection, partition)).await
    }

    pub(crate) async fn heads(&self) -> Result<Vec<(Partition, Head)>, StoreError> {
        let partitions = self.partitions();
        self.on_reader(move |connection| select_heads(connection, partitions)).await
    }

    pub(crate) async fn read(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let log_id = self.log_id();
        self.on_reader(move |connection| read_events(connection, log_id, partition, after, limit))
            .await
    }

    /// See [`crate::EventStore::read_public`]. `make` runs on the thread that reads.
    pub(crate) async fn read_public<T: Send + 'static, E: Send + 'static>(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
        make: impl Make<T, E>,
    ) -> Result<Made<T, E>, StoreError> {
        let log_id = self.log_id();
        let read = move |connection: &mut Connection| {
            read_public(connection, log_id, partition, after, limit, make)
        };
        self.on_reader(read).await
    }

    pub(crate) fn recent(&self) -> &[Arc<Recent>] {
        &self.shared.recent
    }

    pub(crate) async fn import_state(&self) -> Result<Option<ImportState>, StoreError> {
        const STATE: &str = "select import_state from log";
        let select = |connection: &mut Connection| {
            connection.query_row(STATE, (), |row| row.get::<_, Option<String>>(0))
        };
        let state = self.read_with("read", select).await?;
        Ok(ImportState::of_column(state.as_deref()))
    }

    pub(crate) async fn set_import_state(&self, state: ImportState) -> Result<(), StoreError> {
        const SET: &str = "update log set import_state = ?";
        self.write("note the import of", move |connection| {
            connection.execute(SET, (state.as_str(),)).map(drop)
        })
        .await
    }

    pub(crate) fn file(&self) -> &Path {
        &self.shared.file
    }

    /// Writes what is no part of the log: on the writer's thread, or beside another process's.
    async fn write_beside<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.shared.writer {
            Some(_) => self.write(doing, job).await,
            None => self.beside_the_writer(doing, job).await,
        }
    }

    /// Runs on a connection of its own, which may write although another process holds the log: it
    /// changes nothing that the writer looks at.
    async fn beside_the_writer<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let file = self.shared.file.clone();
        let done = spawn_blocking(move || {
            let mut connection = open::connection_beside(&file)?;
            let made = job(&mut connection).map_err(|source| failed(&connection, doing, source))?;
            if lock::is_held(&file) {
                return Ok(made);
            }
            // Nobody else will: what stays in the write-ahead file would be applied to an older
            // copy of the log that is put in its place.
            let truncate = connection.query_row("pragma wal_checkpoint(truncate)", (), |_| Ok(()));
            truncate.map_err(|source| failed(&connection, doing, source))?;
            Ok(made)
        });
        done.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs on the thread that owns the writing connection.
    async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let writer = self.shared.writer.as_ref().ok_or(StoreError::Closed)?;
        let in_place = self.shared.in_place.clone();
        let job = move |connection: &mut Connection| {
            in_place.check(connection)?;
            job(connection).map_err(|source| failed(connection, doing, source))
        };
        writer.run(job).await?
    }

    /// Runs on one of the threads that own a reading connection, in turn.
    async fn on_reader<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.shared.next_reader.fetch_add(1, Ordering::Relaxed) % READERS;
        let reader = self.shared.readers.get(turn).ok_or(StoreError::Closed)?;
        reader.run_while_wanted(job).await?
    }

    /// The same for what SQLite alone can refuse: `doing` says what that is.
    async fn read_with<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.on_reader(move |connection| {
            job(connection).map_err(|source| failed(connection, doing, source))
        })
        .await
    }
}

fn head_of_row(row: &Row<'_>) -> rusqlite::Result<Head> {
    let uuid = |name| {
        Ok::<_, rusqlite::Error>(row.get::<_, Option<[u8; 16]>>(name)?.map(Uuid::from_bytes))
    };
    Ok(Head {
        position: Position(row.get::<_, i64>("position")?.cast_unsigned()),
        epoch: Epoch(row.get::<_, i64>("epoch")?.cast_unsigned()),
        generation: Generation(row.get("generation")?),
        writer: uuid("writer")?.map(WriterId),
        last_batch: uuid("last_batch")?.map(BatchId),
    })
}

//! The log in PostgreSQL: for production.
//!
//! Each partition has a connection of its own to append with. Appends, also of several partitions,
//! are one statement: one round trip, one transaction. Reads go through a few others. There is no
//! lock but that of the head's row, so a writer can be deposed at any time, and learns of it by its
//! next append.
//!
//! An answer is believed only where the server gave no warning with it: a commit whose wait for a
//! standby was cancelled is answered like any other, and may yet be lost with this server.

mod api_keys;
mod append;
mod archived;
mod erasures;
mod import_state;
mod marks;
mod messages;
mod open;
mod ranges;
mod reader;
mod rows;
mod switches;
mod unrecorded_calls;
mod waiting;

use std::sync::Arc;

use log_record::{Head, LogId, Partition, Position, RecordedEvent, WriterId};
use postgres_connection::{Connection, Pool, PoolError, PostgresUrl};
use tokio::sync::Mutex;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use crate::archive::Archive;
use crate::check::{HistoryCheck, RowCheck, check_rows};
use crate::read_public::{Made, Make};
use crate::recent::Recent;
use crate::{Access, CodeKey, StoreError};
use messages::APPEND_MESSAGES;
use ranges::Ranges;
use reader::Lent;
use rows::{event_in, event_of_row, head_of_row};
use waiting::tell_while;

pub(crate) use open::{choose_range_positions, migrate};

const APPEND: &str = include_str!("postgres/append.sql");
const TAKE_OVER: &str = include_str!("postgres/take_over.sql");
const RESOLVE_DOUBT: &str = include_str!("postgres/resolve_doubt.sql");
const READ_HEAD: &str = include_str!("postgres/read_head.sql");
const READ_HEADS: &str = include_str!("postgres/read_heads.sql");
const READ_EVENTS: &str = include_str!("postgres/read_events.sql");
const READ_PUBLIC: &str = include_str!("postgres/read_public.sql");

/// How many connections read: one for the projector's long reads, the others for short ones.
const READERS: usize = 4;

/// Answers by which the server says that a statement must be prepared anew, and wasn't run: a table
/// has changed since (0A000), or somebody took the statement away (26000).
const STALE: [SqlState; 2] =
    [SqlState::FEATURE_NOT_SUPPORTED, SqlState::INVALID_SQL_STATEMENT_NAME];

/// A log in PostgreSQL. Cloning gives another handle to the same connections.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    shared: Arc<Shared>,
    pub(crate) archive: Archive,
}

#[derive(Debug)]
struct Shared {
    url: PostgresUrl,
    log_id: LogId,
    access: Access,
    /// What appends, by partition.
    writers: Vec<Mutex<Option<Writer>>>,
    recent: Vec<Arc<Recent>>,
    readers: Pool,
    ranges: Ranges,
}

/// A connection with the append prepared on it.
#[derive(Debug)]
struct Writer {
    connection: Connection,
    append: Statement,
    /// Of events among which there are messages.
    append_messages: Statement,
}

impl PostgresStore {
    /// Opens the log at `url`, as `access` allows. Its schema must be there and fit.
    pub async fn open(url: &PostgresUrl, access: Access) -> Result<Self, StoreError> {
        open::check_schema(url).await?;
        let opened = open::open(url, access).await?;
        Ok(Self {
            archive: Archive::default(),
            shared: Arc::new(Shared {
                url: url.clone(),
                log_id: opened.log_id,
                access,
                writers: (0..opened.partitions).map(|_| Mutex::new(None)).collect(),
                recent: Recent::of_log(opened.partitions),
                readers: url.pool(READERS)?,
                ranges: Ranges::new(opened.range_positions),
            }),
        })
    }

    pub(crate) fn log_id(&self) -> LogId {
        self.shared.log_id
    }

    pub(crate) fn partitions(&self) -> u16 {
        u16::try_from(self.shared.writers.len()).unwrap_or(u16::MAX)
    }

    pub(crate) async fn take_over(
        &self,
        partition: Partition,
        writer: WriterId,
    ) -> Result<Head, StoreError> {
        let head = self.move_epoch(TAKE_OVER, partition, writer).await?;
        head.ok_or(StoreError::NoSuchPartition(partition))
    }

    pub(crate) async fn resolve_doubt(
        &self,
        partition: Partition,
        writer: WriterId,
    ) -> Result<Option<Head>, StoreError> {
        self.move_epoch(RESOLVE_DOUBT, partition, writer).await
    }

    /// On a connection that nothing was sent on before: whatever an earlier one left running holds
    /// the head's row, and this waits for it.
    async fn move_epoch(
        &self,
        statement: &'static str,
        partition: Partition,
        writer: WriterId,
    ) -> Result<Option<Head>, StoreError> {
        let mut held = self.writer(partition)?.lock().await;
        *held = None;
        let fresh = self.connect(&[partition], &mut held).await?;
        let failed = |source| postgres("take over", source);
        let client = &fresh.connection.client;
        let arguments: [&(dyn ToSql + Sync); 2] = [&i32::from(partition.0), &writer.0];
        let moving = client.query_opt(statement, &arguments);
        let what = "a writer takes over the log, or asks what became of its append";
        let row = tell_while(&self.shared.url, client, what, moving).await.map_err(failed)?;
        if fresh.connection.take_warning() {
            return Err(StoreError::Warned);
        }
        let head = row.as_ref().map(head_of_row).transpose().map_err(failed)?;
        if let Some(head) = head {
            // Whoever takes over is about to append; what it needs must be there.
            let (url, client) = (&self.shared.url, &fresh.connection.client);
            self.shared.ranges.make(url, client, head.position).await?;
        }
        Ok(head)
    }

    /// The connection that is held, or a new one, to append to these partitions.
    async fn connect<'a>(
        &self,
        partitions: &[Partition],
        held: &'a mut Option<Writer>,
    ) -> Result<&'a Writer, StoreError> {
        if self.shared.access == Access::Read {
            return Err(StoreError::Closed);
        }
        if held.as_ref().is_none_or(|writer| writer.connection.client.is_closed()) {
            // It may lead to a server with another history.
            for recent in partitions.iter().filter_map(|partition| self.recent_of(*partition)) {
                recent.forget();
            }
            let connection = self.shared.url.connect().await?;
            let prepare = async |statement: &str| {
                let prepared = connection.client.prepare(statement).await;
                prepared.map_err(|source| postgres("prepare an append to", source))
            };
            let (append, append_messages) =
                tokio::try_join!(prepare(APPEND), prepare(APPEND_MESSAGES.as_str()))?;
            *held = Some(Writer { connection, append, append_messages });
        }
        held.as_ref().ok_or(StoreError::Closed)
    }

    pub(crate) async fn head(&self, partition: Partition) -> Result<Head, StoreError> {
        const DOING: &str = "read the head of";
        let rows = self.ask(DOING, READ_HEAD, &[&i32::from(partition.0)]).await?;
        let row = rows.first().ok_or(StoreError::NoSuchPartition(partition))?;
        head_of_row(row).map_err(|source| postgres(DOING, source))
    }

    pub(crate) async fn heads(&self) -> Result<Vec<(Partition, Head)>, StoreError> {
        const DOING: &str = "read the heads of";
        let rows = self.ask(DOING, READ_HEADS, &[]).await?;
        let heads = (0..self.partitions()).map(Partition).zip(&rows);
        let heads = heads.map(|(partition, row)| head_of_row(row).map(|head| (partition, head)));
        heads.collect::<Result<_, _>>().map_err(|source| postgres(DOING, source))
    }

    pub(crate) async fn read(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let failed = |source| postgres("read", source);
        let (rows, wanted) = self.read_rows(READ_EVENTS, partition, after, limit).await?;
        let events = rows.iter().filter_map(|row| event_of_row(partition, row).transpose());
        let events = events.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        check_rows(self.log_id(), partition, after, wanted, &events)?;
        Ok(events)
    }

    /// See [`crate::EventStore::read_public`]. `make` runs on a thread that may take its time.
    pub(crate) async fn read_public<T: Send + 'static, E: Send + 'static>(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
        mut make: impl Make<T, E>,
    ) -> Result<Made<T, E>, StoreError> {
        let (rows, wanted) = self.read_rows(READ_PUBLIC, partition, after, limit).await?;
        let mut check = RowCheck::new(self.log_id(), partition, after);
        let mut history = HistoryCheck::default();
        let made = tokio::task::spawn_blocking(move || {
            let mut made = Vec::with_capacity(rows.len());
            for row in &rows {
                let event = event_in(partition, row).map_err(|source| postgres("read", source))?;
                let Some(event) = event else { continue };
                check.next(&event)?;
                history.next(&event)?;
                match make(&event) {
                    Some(Ok(it)) => made.push(it),
                    Some(Err(error)) => return Ok(Err(error)),
                    None => {}
                }
            }
            check.end(wanted)?;
            Ok(Ok(made))
        });
        made.await.map_err(|_| StoreError::Closed)?
    }

    /// The rows of a statement that reads events, and how many events they should have.
    async fn read_rows(
        &self,
        statement: &'static str,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<(Vec<Row>, u64), StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // No position is larger, and the sum must not be, either.
        let start = after.0.min(i64::MAX.unsigned_abs() - limit.unsigned_abs()).cast_signed();
        let rows = self.ask("read", statement, &[&i32::from(partition.0), &start, &limit]).await?;
        let first = rows.first().ok_or(StoreError::NoSuchPartition(partition))?;
        let head: i64 = first.try_get("head").map_err(|source| postgres("read", source))?;
        let wanted = Position(head.cast_unsigned()).since(after).min(limit.unsigned_abs());
        Ok((rows, wanted))
    }

    pub(crate) fn recent(&self) -> &[Arc<Recent>] {
        &self.shared.recent
    }

    pub(crate) async fn code_key(&self) -> Result<Option<CodeKey>, StoreError> {
        const DOING: &str = "read the key of codes of";
        let rows = self.ask(DOING, "select key from guerdon_log.code_key", &[]).await?;
        let key = rows.first().map(|row| row.try_get::<_, &[u8]>(0)).transpose();
        Ok(key.map_err(|source| postgres(DOING, source))?.and_then(CodeKey::of_column))
    }

    pub(crate) async fn set_code_key(&self, key: CodeKey) -> Result<(), StoreError> {
        const SET: &str = include_str!("postgres/upsert_code_key.sql");
        let set = async |client: &mut Client| {
            client.execute(SET, &[&key.as_bytes().as_slice()]).await.map(drop)
        };
        self.write_with("write the key of codes of", set).await
    }

    pub(crate) fn range_positions(&self) -> u64 {
        self.shared.ranges.size()
    }

    /// Asks with a prepared statement. Where that is stale, so are those of the other connections:
    /// each that fails is closed, and another one is asked.
    async fn ask(
        &self,
        doing: &'static str,
        statement: &'static str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let mut tries = 0;
        loop {
            let lent = self.reader().await?;
            let client = lent.client()?;
            let asked = match client.prepare_cached(statement).await {
                Ok(prepared) => client.query(&prepared, arguments).await,
                Err(error) => Err(error),
            };
            match asked {
                Ok(rows) => {
                    lent.give_back();
                    return Ok(rows);
                }
                Err(error) if is_stale(&error) && tries < READERS => tries += 1,
                Err(error) => return Err(postgres(doing, error)),
            }
        }
    }

    /// Reads on a lent connection, which goes back to the others with the answer.
    async fn read_with<T>(
        &self,
        doing: &'static str,
        read: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, StoreError> {
        let lent = self.reader().await?;
        let answer = read(lent.client()?).await;
        lent.give_back();
        answer.map_err(|source| postgres(doing, source))
    }

    /// Writes what is no part of the log, on a connection of its own.
    async fn write_with<T>(
        &self,
        doing: &'static str,
        write: impl AsyncFnOnce(&mut Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, StoreError> {
        let mut connection = self.shared.url.connect().await?;
        let written = write(&mut connection.client).await;
        written.map_err(|source| postgres(doing, source))
    }

    async fn reader(&self) -> Result<Lent, StoreError> {
        let reader = self.shared.readers.get().await;
        let failed =
            |source: PoolError| StoreError::Postgres { doing: "reach", source: source.into() };
        Ok(Lent::new(reader.map_err(failed)?, self.shared.url.clone()))
    }

    fn recent_of(&self, partition: Partition) -> Option<&Arc<Recent>> {
        self.shared.recent.get(usize::from(partition.0))
    }

    fn writer(&self, partition: Partition) -> Result<&Mutex<Option<Writer>>, StoreError> {
        let writer = self.shared.writers.get(usize::from(partition.0));
        writer.ok_or(StoreError::NoSuchPartition(partition))
    }
}

fn is_stale(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| STALE.contains(code))
}

fn postgres(doing: &'static str, source: tokio_postgres::Error) -> StoreError {
    StoreError::Postgres { doing, source: source.into() }
}

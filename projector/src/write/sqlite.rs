//! On SQLite: each prepared statement runs once for each row, on a connection of the projector's
//! own.

mod credit;
mod draft;
mod past;
mod purchase;
mod shipping;
mod tables_file;
mod tier;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log_record::{Generation, LogId, Partition, Place, Position};
use read_model::{Checkpoint, ReadModelError, ReadModelUrl, Side, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{
    Connection, OptionalExtension as _, Params, Statement, ToSql, Transaction, TransactionBehavior,
    params, params_from_iter,
};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::checkpoint::{INSERT, LANES, MOVE, SELECT, STOP};
use super::statement::Writes;
use super::{Batch, WriteError, Written, balance_writes, first_writes, last_writes, total_writes};
use crate::rows::{LaneEnd, Lanes};

pub(crate) use draft::{begin_draft, finish_draft};
pub(crate) use past::write_past;
pub(crate) use tables_file::{OpenFile, TablesFile, open_to_read};

/// The tables in a file. All partitions share a connection: each would find its pages outdated
/// after another one's batch.
#[derive(Clone, Debug)]
pub(crate) struct SqliteTables {
    file: Arc<Mutex<TablesFile>>,
}

impl SqliteTables {
    pub(crate) async fn open(file: &Path, side: Side) -> Result<Self, ReadModelError> {
        let file = side.file(file);
        let opened = match side {
            Side::Live => TablesFile::open(&file).await,
            Side::Rebuilt | Side::Shadow => TablesFile::open_draft(&file).await,
        };
        let opened = opened.map_err(|error| failed("open", &file, error))?;
        Ok(Self { file: Arc::new(Mutex::new(opened)) })
    }

    pub(super) async fn read_checkpoint(
        &mut self,
        partition: Partition,
        log_id: LogId,
    ) -> Result<(LogId, Checkpoint), WriteError> {
        self.run(move |open| Ok(checkpoint(&open.connection, partition, log_id)?)).await
    }

    pub(super) async fn read_lanes(&mut self) -> Result<Lanes, WriteError> {
        self.run(|open| Ok(lanes(&open.connection)?)).await
    }

    pub(super) async fn write(&mut self, batch: Batch) -> Result<Written, WriteError> {
        let mut file = self.file.lock().await;
        let written = file.run(move |open| commit(open, batch)).await;
        file.written_at = Some(Instant::now());
        written
    }

    pub(super) async fn note_stop(&mut self, place: Place, why: &str) -> Result<(), WriteError> {
        let why = why.to_owned();
        self.run(move |open| {
            let row = params![place.partition.0, place.position.0.cast_signed(), why];
            open.connection.execute(&STOP.sqlite, row)?;
            Ok(())
        })
        .await
    }

    /// Runs a job once it is its turn.
    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&OpenFile) -> Result<T, WriteError> + Send + 'static,
    ) -> Result<T, WriteError> {
        self.file.lock().await.run(job).await
    }

    /// Unless another partition has written not so long ago.
    pub(super) async fn rest(&mut self, quiet: Duration) {
        let mut file = self.file.lock().await;
        if file.written_at.is_some_and(|at| at.elapsed() < quiet) {
            return;
        }
        if let Err(error) = file.run(|open| Ok(open.cut_wal()?)).await {
            let error = error.into_source();
            tracing::debug!(%error, "the read model's write-ahead file can't be cut");
        }
    }

    pub(super) async fn close(&mut self) {
        self.file.lock().await.close().await;
    }
}

/// The checkpoint of a partition; makes it where there is none.
fn checkpoint(
    connection: &Connection,
    partition: Partition,
    log_id: LogId,
) -> rusqlite::Result<(LogId, Checkpoint)> {
    let start = Checkpoint::START;
    // The insert would wait for whoever writes, also where there is a checkpoint.
    if let Some(found) = select_checkpoint(connection, partition)? {
        return Ok(found);
    }
    connection
        .execute(&INSERT.sqlite, params![partition.0, log_id.0.as_bytes(), start.checksum.0])?;
    select_checkpoint(connection, partition)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

fn select_checkpoint(
    connection: &Connection,
    partition: Partition,
) -> rusqlite::Result<Option<(LogId, Checkpoint)>> {
    let found = connection.query_row(&SELECT.sqlite, (partition.0,), |row| {
        let checkpoint = Checkpoint {
            generation: Generation(row.get(1)?),
            position: Position(row.get::<_, i64>(2)?.cast_unsigned()),
            checksum: log_record::Checksum(row.get(3)?),
            recorded_at: row.get(4)?,
        };
        Ok((LogId(Uuid::from_bytes(row.get(0)?)), checkpoint))
    });
    found.optional()
}

fn lanes(connection: &Connection) -> rusqlite::Result<Lanes> {
    let mut select = connection.prepare_cached(LANES)?;
    let lanes = select.query_map((), |row| {
        let end = LaneEnd { warehouse: row.get(1)?, sequence: row.get(2)?, place: row.get(3)? };
        Ok((row.get(0)?, end))
    })?;
    lanes.collect()
}

fn commit(open: &OpenFile, batch: Batch) -> Result<Written, WriteError> {
    let transaction = Transaction::new_unchecked(&open.connection, TransactionBehavior::Immediate)?;
    if open.is_replaced() {
        return Ok(Written::Overtaken);
    }
    if open.is_draft && !batch.rows.erasures.is_empty() {
        draft::prepare_to_erase(&transaction)?;
    }
    let written = write_batch(&transaction, batch)?;
    if matches!(written, Written::Moved(_)) {
        transaction.commit()?;
    }
    Ok(written)
}

fn write_batch(transaction: &Transaction<'_>, batch: Batch) -> Result<Written, WriteError> {
    let Batch { partition, from, next, lanes, mut rows } = batch;
    // First, so that nothing is written for a batch that another has written.
    let moved = transaction.prepare_cached(&MOVE.sqlite)?.execute(params![
        partition.0,
        from.position.0.cast_signed(),
        from.checksum.0,
        next.generation.0,
        next.position.0.cast_signed(),
        next.checksum.0,
        next.recorded_at,
        rows.clock,
    ])?;
    if moved != 1 {
        return Ok(Written::Overtaken);
    }
    run(transaction, first_writes(&rows))?;
    rows.apply_withdrawals(&credit::were_pending(transaction, &rows)?);
    let found = shipping::find_requests(transaction, &rows.shipping)?;
    let shipping = rows.shipping.apply_updates(found, &lanes)?;
    let purchases = purchase::changes(transaction, &rows)?;
    let tiers = tier::apply(transaction, partition, &mut rows)?;
    credit::write_parts(transaction, &rows)?;
    // Only balances are inserted where a change finds none.
    let new_accounts = run(transaction, balance_writes(&rows))?;
    run(transaction, last_writes(&rows, &purchases, &shipping, &tiers))?;
    let totals = rows.sum_up(partition, new_accounts);
    run(transaction, total_writes(&rows, &totals))?;
    Ok(Written::Moved(rows.shipping.lanes))
}

/// Runs each statement once for each of its rows, and gives how many rows were inserted because a
/// change found none.
fn run(connection: &Connection, writes: Writes<'_>) -> rusqlite::Result<usize> {
    let mut inserted = 0;
    for write in writes.0 {
        let mut statement = connection.prepare_cached(&write.statement.sqlite)?;
        let insert = write.insert_missing.map(|insert| connection.prepare_cached(&insert.sqlite));
        let mut insert = insert.transpose()?;
        write.each_row(|row| {
            let values = parameters(&statement, row);
            let changed = statement.execute(values)?;
            if let Some(insert) = insert.as_mut().filter(|_| changed == 0) {
                let values = parameters(insert, row);
                inserted += insert.execute(values)?;
            }
            Ok::<_, rusqlite::Error>(())
        })?;
    }
    Ok(inserted)
}

/// A row's values for a statement, which has parameters up to the last column that it names.
fn parameters<'a>(statement: &Statement<'_>, row: &'a [Value<'a>]) -> impl Params + use<'a> {
    params_from_iter(row.iter().take(statement.parameter_count()).map(Parameter))
}

/// A value as a parameter of a statement.
struct Parameter<'a>(&'a Value<'a>);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self.0 {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bool(is) => ValueRef::Integer(is.into()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// SQLite refused to do something with the read model in a file.
pub(crate) fn failed(doing: &'static str, file: &Path, error: WriteError) -> ReadModelError {
    ReadModelError::database(doing, &ReadModelUrl::Sqlite(file.into()), error.into_source())
}

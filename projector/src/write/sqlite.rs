//! On SQLite: each prepared statement runs once for each row, on a connection of the projector's
//! own.

mod credit;
mod purchase;
mod shipping;

use std::path::{Path, PathBuf};
use std::time::Duration;

use log_record::{Generation, LogId, Partition, Place, Position};
use read_model::{Checkpoint, ReadModelError, ReadModelUrl, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{
    Connection, Params, Statement, ToSql, TransactionBehavior, params, params_from_iter,
};
use uuid::Uuid;

use super::checkpoint::{INSERT, LANES, MOVE, SELECT, STOP};
use super::statement::Writes;
use super::{Batch, WriteError, Written, first_writes, last_writes};
use crate::rows::{LaneEnd, Lanes};

/// How long a connection waits for another's transaction: the copying of a rebuild takes longest.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Frames in the write-ahead file before they are moved into the file: 40 MB at 4 KiB, so that the
/// move is rare, and a page that many batches touch is moved once.
const CHECKPOINT_FRAMES: u32 = 10_000;

/// The writing connection's page cache, in SQLite's notation: 64 MB, the indexes' upper pages of
/// tens of millions of rows. With the default of 2 MB, much of the time went into reading pages.
const CACHE_KIBIBYTES: i32 = -65_536;

/// The tables in a file.
#[derive(Debug)]
pub(crate) struct SqliteTables {
    file: PathBuf,
    /// Away while a batch is written, and gone for good if that panicked.
    connection: Option<Connection>,
}

impl SqliteTables {
    pub(crate) fn open(file: &Path) -> Result<Self, ReadModelError> {
        Ok(Self { file: file.into(), connection: Some(connect(file)?) })
    }

    pub(super) fn read_checkpoint(
        &mut self,
        partition: Partition,
        log_id: LogId,
    ) -> Result<(LogId, Checkpoint), WriteError> {
        let connection = self.connection()?;
        let start = Checkpoint::START;
        let row = params![partition.0, log_id.0.as_bytes(), start.checksum.0];
        connection.execute(&INSERT.sqlite, row)?;
        let found = connection.query_row(&SELECT.sqlite, (partition.0,), |row| {
            let checkpoint = Checkpoint {
                generation: Generation(row.get(1)?),
                position: Position(row.get::<_, i64>(2)?.cast_unsigned()),
                checksum: log_record::Checksum(row.get(3)?),
                recorded_at: row.get(4)?,
            };
            Ok((LogId(Uuid::from_bytes(row.get(0)?)), checkpoint))
        })?;
        Ok(found)
    }

    pub(super) fn read_lanes(&mut self) -> Result<Lanes, WriteError> {
        let connection = self.connection()?;
        let mut select = connection.prepare_cached(LANES)?;
        let lanes = select.query_map((), |row| {
            let end = LaneEnd { warehouse: row.get(1)?, sequence: row.get(2)?, place: row.get(3)? };
            Ok((row.get(0)?, end))
        })?;
        Ok(lanes.collect::<Result<_, _>>()?)
    }

    /// On a thread that may wait for the disk.
    pub(super) async fn write(&mut self, batch: Batch) -> Result<Written, WriteError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let ran = tokio::task::spawn_blocking(move || {
            let done = commit(&mut connection, batch);
            (connection, done)
        });
        let (connection, done) = ran.await.map_err(|error| WriteError::Failed(error.into()))?;
        self.connection = Some(connection);
        done
    }

    pub(super) fn note_stop(&mut self, place: Place, why: &str) -> Result<(), WriteError> {
        let row = params![place.partition.0, place.position.0.cast_signed(), why];
        self.connection()?.execute(&STOP.sqlite, row)?;
        Ok(())
    }

    fn connection(&mut self) -> Result<&Connection, WriteError> {
        match self.connection {
            Some(ref connection) => Ok(connection),
            None => {
                let connection = self.connect()?;
                Ok(self.connection.insert(connection))
            }
        }
    }

    fn connect(&self) -> Result<Connection, WriteError> {
        connect(&self.file).map_err(|error| WriteError::Failed(error.into()))
    }
}

fn commit(connection: &mut Connection, batch: Batch) -> Result<Written, WriteError> {
    let Batch { partition, from, next, lanes, mut rows } = batch;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
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
    run(&transaction, first_writes(&rows))?;
    rows.apply_withdrawals(&credit::were_pending(&transaction, &rows)?);
    let found = shipping::find_requests(&transaction, &rows.shipping)?;
    let shipping = rows.shipping.apply_updates(found, &lanes)?;
    let purchases = purchase::changes(&transaction, &rows)?;
    credit::write_parts(&transaction, &rows)?;
    run(&transaction, last_writes(&rows, &purchases, &shipping))?;
    transaction.commit()?;
    Ok(Written::Moved(rows.shipping.lanes))
}

/// Runs each statement once for each of its rows.
fn run(connection: &Connection, writes: Writes<'_>) -> rusqlite::Result<()> {
    for write in writes.0 {
        let mut statement = connection.prepare_cached(&write.statement.sqlite)?;
        let insert = write.insert_missing.map(|insert| connection.prepare_cached(&insert.sqlite));
        let mut insert = insert.transpose()?;
        for row in write.rows() {
            let values = parameters(&statement, row);
            let changed = statement.execute(values)?;
            if let Some(insert) = insert.as_mut().filter(|_| changed == 0) {
                let values = parameters(insert, row);
                insert.execute(values)?;
            }
        }
    }
    Ok(())
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

/// A connection that writes, with its statements prepared once: five times as fast as through the
/// pool, which hops to a thread and back for each of them.
pub(crate) fn connect(file: &Path) -> Result<Connection, ReadModelError> {
    let connect = || {
        let connection = Connection::open(file)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.pragma_update(None, "cache_size", CACHE_KIBIBYTES)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_FRAMES)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok::<_, rusqlite::Error>(connection)
    };
    connect().map_err(|error| failed("open", file, error))
}

/// SQLite refused to do something with the read model in a file.
pub(crate) fn failed(doing: &'static str, file: &Path, source: rusqlite::Error) -> ReadModelError {
    ReadModelError::database(doing, &ReadModelUrl::Sqlite(file.into()), source)
}

//! On PostgreSQL: one statement for each table and batch, with the rows as arrays, a column each.
//!
//! A batch costs two round trips: what it makes with the checkpoint before, then all the rest and
//! the commit, sent at once. Only what was taken back, or changed of a parcel or a purchase, is
//! looked up in between.

mod credit;
mod exchange;
mod offer;
mod programme;
mod purchase;
mod shipping;

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::try_join_all;
use log_record::{Checksum, Generation, LogId, Partition, Place, Position};
use postgres_connection::{Connection, PostgresUrl};
use read_model::{Checkpoint, ReadModelError, ReadModelUrl};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

use super::{Batch, WriteError, Written};
use crate::rows::{LaneEnd, Lanes};

const SESSION: &str = include_str!("../sql/postgres/session.sql");
const SELECT: &str = include_str!("../sql/postgres/select_checkpoint.sql");
const INSERT: &str = include_str!("../sql/postgres/insert_checkpoint.sql");
const MOVE: &str = include_str!("../sql/postgres/move_checkpoint.sql");
const STOP: &str = include_str!("../sql/postgres/stop_checkpoint.sql");
const LANES: &str = include_str!("../sql/select_lanes.sql");

/// How often it is looked whether the connection still stands while there is nothing to write.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The tables in a schema.
pub(crate) struct PostgresTables {
    connection: Connection,
    prepared: HashMap<&'static str, Statement>,
}

/// A statement and its arguments.
struct Write<'a> {
    statement: &'static str,
    arguments: Vec<Argument<'a>>,
}

/// A column of all rows, or one value.
type Argument<'a> = Box<dyn ToSql + Sync + Send + 'a>;

impl PostgresTables {
    pub(crate) async fn open(
        url: &PostgresUrl,
        schema: &'static str,
    ) -> Result<Self, ReadModelError> {
        let connection = url.connect().await?;
        let session = format!("set search_path to {schema}; {SESSION}");
        let set = connection.client.batch_execute(&session).await;
        set.map_err(|source| {
            ReadModelError::database("open", &ReadModelUrl::Postgres(url.clone().into()), source)
        })?;
        Ok(Self { connection, prepared: HashMap::new() })
    }

    pub(super) async fn read_checkpoint(
        &mut self,
        partition: Partition,
        log_id: LogId,
    ) -> Result<(LogId, Checkpoint), WriteError> {
        let start = Checkpoint::START;
        let key = i64::from(partition.0);
        let row: [&(dyn ToSql + Sync); 3] =
            [&key, &log_id.0.as_bytes().as_slice(), &start.checksum.0.as_slice()];
        self.connection.client.execute(INSERT, &row).await?;
        let row = self.connection.client.query_one(SELECT, &[&key]).await?;
        Ok(read_checkpoint(&row)?)
    }

    pub(super) async fn read_lanes(&mut self) -> Result<Lanes, WriteError> {
        let rows = self.connection.client.query(LANES, &[]).await?;
        let lanes = rows.iter().map(|row| {
            let end = LaneEnd {
                warehouse: row.try_get(1)?,
                sequence: row.try_get(2)?,
                place: row.try_get(3)?,
            };
            Ok((row.try_get(0)?, end))
        });
        Ok(lanes.collect::<Result<_, tokio_postgres::Error>>()?)
    }

    pub(super) async fn write(&mut self, batch: Batch) -> Result<Written, WriteError> {
        let written = self.transact(batch).await;
        if !matches!(written, Ok(Written::Moved(_))) {
            // Where the connection is lost, the server does it by itself.
            drop(self.connection.client.batch_execute("rollback").await);
        }
        written
    }

    pub(super) async fn note_stop(&mut self, place: Place, why: &str) -> Result<(), WriteError> {
        let (partition, position) = (i64::from(place.partition.0), place.position.0.cast_signed());
        self.connection.client.execute(STOP, &[&partition, &position, &why]).await?;
        Ok(())
    }

    pub(super) async fn lost(&self) {
        while !self.connection.client.is_closed() {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    async fn transact(&mut self, batch: Batch) -> Result<Written, WriteError> {
        let Batch { partition, from, next, lanes, mut rows } = batch;
        let begin = Write::of("begin", vec![]);
        let mut first = vec![begin, move_checkpoint(partition, from, next, rows.clock)];
        credit::write_lots(&mut first, &rows);
        purchase::write_purchases(&mut first, &rows);
        // The others of these change nothing where they stand already, so that it doesn't matter
        // that they were sent together with what decides.
        if self.send(first).await?[1] != 1 {
            return Ok(Written::Overtaken);
        }
        let were_pending = credit::were_pending(self, &rows).await?;
        rows.settle_withdrawals(&were_pending);
        let found = shipping::find_requests(self, &rows.shipping).await?;
        rows.shipping.settle(found, &lanes)?;
        let purchases = purchase::changed_purchases(self, &rows).await?;
        let mut rest = vec![];
        credit::write_parts(&mut rest, &rows);
        credit::write_balances(&mut rest, &rows);
        credit::write_entries(&mut rest, &rows);
        exchange::write_holds(&mut rest, &rows);
        offer::write_offers(&mut rest, &rows);
        exchange::write_exchanges(&mut rest, &rows);
        purchase::write_changes(&mut rest, &purchases);
        shipping::write_shipping(&mut rest, &rows.shipping);
        programme::write_programme(&mut rest, partition, &rows);
        // After an error of one of the others, the server takes it for a rollback.
        rest.push(Write::of("commit", vec![]));
        self.send(rest).await?;
        Ok(Written::Moved(rows.shipping.lanes))
    }

    /// Runs all of them in this order, each sent without waiting for the answer to the one before,
    /// and gives how many rows each changed.
    async fn send(&mut self, writes: Vec<Write<'_>>) -> Result<Vec<u64>, WriteError> {
        for write in &writes {
            self.prepare(write.statement).await?;
        }
        let client = &self.connection.client;
        let running = writes.into_iter().map(|Write { statement, arguments }| {
            // The requests go out in the order in which these are first polled: one by one.
            client.execute_raw(&self.prepared[statement], arguments)
        });
        Ok(try_join_all(running).await?)
    }

    /// Looks rows up.
    async fn find(
        &mut self,
        statement: &'static str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, WriteError> {
        self.prepare(statement).await?;
        Ok(self.connection.client.query(&self.prepared[statement], arguments).await?)
    }

    async fn prepare(&mut self, statement: &'static str) -> Result<(), WriteError> {
        if !self.prepared.contains_key(statement) {
            let prepared = self.connection.client.prepare(statement).await?;
            self.prepared.insert(statement, prepared);
        }
        Ok(())
    }
}

impl<'a> Write<'a> {
    fn of(statement: &'static str, arguments: Vec<Argument<'a>>) -> Self {
        Self { statement, arguments }
    }
}

impl std::fmt::Debug for PostgresTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresTables").finish_non_exhaustive()
    }
}

/// One column of some rows.
fn column<'a, R, T>(rows: impl IntoIterator<Item = R>, of: impl Fn(R) -> T) -> Argument<'a>
where
    T: ToSql + Sync + Send + 'a,
{
    Box::new(rows.into_iter().map(of).collect::<Vec<T>>())
}

/// One that may be null in all rows, which is most of what a row could have in a rush: then it is
/// sent without values, and what an array is short of counts as null.
fn sparse<'a, R, T>(rows: impl IntoIterator<Item = R>, of: impl Fn(R) -> Option<T>) -> Argument<'a>
where
    T: ToSql + Sync + Send + 'a,
{
    let values: Vec<Option<T>> = rows.into_iter().map(of).collect();
    Box::new(if values.iter().all(Option::is_none) { vec![] } else { values })
}

/// What a row that was found was asked for by: `with ordinality` counts from 1.
fn asked<T>(all: &[T], number: i64) -> Option<&T> {
    usize::try_from(number - 1).ok().and_then(|index| all.get(index))
}

fn value<'a>(value: impl ToSql + Sync + Send + 'a) -> Argument<'a> {
    Box::new(value)
}

fn move_checkpoint<'a>(
    partition: Partition,
    from: Checkpoint,
    next: Checkpoint,
    clock: Option<&'static str>,
) -> Write<'a> {
    let arguments = vec![
        value(i64::from(partition.0)),
        value(from.position.0.cast_signed()),
        value(from.checksum.0.to_vec()),
        value(i64::from(next.generation.0)),
        value(next.position.0.cast_signed()),
        value(next.checksum.0.to_vec()),
        value(next.recorded_at),
        value(clock),
    ];
    Write::of(MOVE, arguments)
}

fn read_checkpoint(row: &Row) -> Result<(LogId, Checkpoint), tokio_postgres::Error> {
    let log_id: Vec<u8> = row.try_get(0)?;
    let generation: i64 = row.try_get(1)?;
    let position: i64 = row.try_get(2)?;
    let checksum: Vec<u8> = row.try_get(3)?;
    let checkpoint = Checkpoint {
        generation: Generation(generation.try_into().unwrap_or_default()),
        position: Position(position.cast_unsigned()),
        // One that isn't 32 bytes is no event's.
        checksum: Checksum(checksum.try_into().unwrap_or_default()),
        recorded_at: row.try_get(4)?,
    };
    Ok((LogId(Uuid::from_slice(&log_id).unwrap_or_default()), checkpoint))
}

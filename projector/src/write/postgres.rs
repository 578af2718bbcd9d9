//! On PostgreSQL: one statement for each table and batch, with the rows as arrays, a column each.
//!
//! A batch costs two round trips: what decides on the rest, with the checkpoint before, then all
//! the rest and the commit, each sent at once. The first changes balances and parts of lots, which
//! tells how many of them aren't there yet, and looks up what was changed of parcels, purchases and
//! tiers. Where something was taken back, it is looked up before that.
//!
//! A commit is answered before it is on disk. A server that is killed takes the last batches with
//! it, rows and checkpoint alike; the connection is lost then, and whoever opens the tables anew
//! goes on from the checkpoint that is there.

mod credit;
mod purchase;
mod shipping;
mod tier;

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use log_record::{Checksum, Generation, LogId, Partition, Place, Position};
use parking_lot::Mutex;
use postgres_connection::{Connection, PostgresUrl};
use read_model::{Checkpoint, ColumnKind, ReadModelError, ReadModelUrl, Value};
use tokio::join;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

use super::checkpoint::{INSERT, LANES, MOVE, SELECT, STOP};
use super::statement::{Write, Writes};
use super::{
    Batch, WriteError, Written, balance_writes, first_writes, last_writes, statement, total_writes,
};
use crate::holders::holders;
use crate::rows::{LaneEnd, Lanes, Rows};

const SESSION: &str = include_str!("../sql/postgres/session.sql");
/// What is erased must not come back: on this server's disk before it is answered. Nobody waits for
/// a standby.
const DURABLE: &str = "set local synchronous_commit to local";
/// How long a batch may take: far longer than any does. A server behind a network that swallows
/// everything doesn't say that it is gone.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// How long a question may take that reads a few rows.
const SHORT_ANSWER_MAX: Duration = Duration::from_secs(10);
/// How often the connection is checked while there is nothing to write.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The tables in a schema.
pub(crate) struct PostgresTables {
    connection: Connection,
    prepared: Mutex<HashMap<&'static str, Statement>>,
}

/// A statement and its arguments.
struct Call<'a> {
    statement: &'static str,
    arguments: Vec<Argument<'a>>,
}

/// What a statement gave, and how many rows it changed.
struct Answer {
    rows: Vec<Row>,
    changed: u64,
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
        Ok(Self { connection, prepared: Mutex::default() })
    }

    pub(super) async fn read_checkpoint(
        &mut self,
        partition: Partition,
        log_id: LogId,
    ) -> Result<(LogId, Checkpoint), WriteError> {
        let start = Checkpoint::START;
        let key = i64::from(partition.0);
        let client = &self.connection.client;
        let read = async {
            // The insert would wait for whoever moves a checkpoint that is there.
            if let Some(row) = client.query_opt(&SELECT.postgres, &[&key]).await? {
                return Ok(read_checkpoint(&row)?);
            }
            let row: [&(dyn ToSql + Sync); 3] =
                [&key, &log_id.0.as_bytes().as_slice(), &start.checksum.0.as_slice()];
            client.execute(&INSERT.postgres, &row).await?;
            Ok(read_checkpoint(&client.query_one(&SELECT.postgres, &[&key]).await?)?)
        };
        in_time(SHORT_ANSWER_MAX, read).await
    }

    pub(super) async fn read_lanes(&mut self) -> Result<Lanes, WriteError> {
        let client = &self.connection.client;
        let read = async { Ok(client.query(LANES, &[]).await?) };
        let rows = in_time(SHORT_ANSWER_MAX, read).await?;
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
        let written = in_time(ANSWER_MAX, self.transact(batch)).await;
        if matches!(written, Ok(Written::Moved(_))) {
            return written;
        }
        // Where the connection is lost, the server does it by itself.
        let client = &self.connection.client;
        let ended = async { Ok(client.batch_execute("rollback").await?) };
        drop(in_time(SHORT_ANSWER_MAX, ended).await);
        match written {
            Err(WriteError::Failed(error)) if is_held(&*error) => Err(self.held(error).await),
            written => written,
        }
    }

    /// Says who kept the batch from its rows.
    async fn held(&self, error: Box<dyn std::error::Error + Send + Sync>) -> WriteError {
        let asked = async { Ok(holders(&self.connection.client).await?) };
        let held = match in_time(SHORT_ANSWER_MAX, asked).await {
            Ok(who) if !who.is_empty() => format!("it waits for somebody's transaction: {who}"),
            _ => "it waits for somebody's transaction".to_owned(),
        };
        WriteError::Failed(Held { held, error }.into())
    }

    pub(super) async fn note_stop(&mut self, place: Place, why: &str) -> Result<(), WriteError> {
        let (partition, position) = (i64::from(place.partition.0), place.position.0.cast_signed());
        self.connection.client.execute(&STOP.postgres, &[&partition, &position, &why]).await?;
        Ok(())
    }

    pub(super) async fn lost(&self) {
        while !self.connection.client.is_closed() {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    async fn transact(&self, batch: Batch) -> Result<Written, WriteError> {
        let Batch { partition, from, next, lanes, mut rows } = batch;
        let begins_at_once = rows.withdrawals.is_empty();
        if !begins_at_once {
            let first = begin(partition, from, next, &rows);
            self.prepare(&first).await?;
            let (begun, were_pending) = join!(self.send(first), credit::were_pending(self, &rows));
            if is_overtaken(&begun) {
                return Ok(Written::Overtaken);
            }
            all(begun)?;
            // It says what the batch does to balances and parts.
            rows.apply_withdrawals(&were_pending?);
        }
        let (new_parts, changed_parts) = rows.credit_parts();
        let mut first = if begins_at_once { begin(partition, from, next, &rows) } else { vec![] };
        let before = first.len();
        first.extend(changes(&balance_writes(&rows)));
        let balances = first.len() - before;
        first.extend(changes(&credit::changed_part_writes(&changed_parts)));
        self.prepare(&first).await?;
        let (begun, requests, purchases, tiers) = join!(
            self.send(first),
            shipping::find_requests(self, &rows.shipping),
            purchase::changes(self, &rows),
            tier::find(self, partition, &rows),
        );
        // What is written already can't be changed once more: this decides, before any error.
        if begins_at_once && is_overtaken(&begun) {
            return Ok(Written::Overtaken);
        }
        let mut changed = all(begun)?.into_iter().skip(before);
        let found: u64 = changed.by_ref().take(balances).map(|answer| answer.changed).sum();
        let new_accounts = rows.balances.len().saturating_sub(usize::try_from(found).unwrap_or(0));
        let parts = credit::PartsFound::of(changed.next())?;
        let shipping = rows.shipping.apply_updates(requests?, &lanes)?;
        let purchases = purchases?;
        let tiers = tier::apply(partition, &mut rows, tiers?)?;
        let totals = rows.sum_up(partition, new_accounts);

        let mut last = calls(&credit::new_part_writes(&new_parts));
        if parts.lacks_some_of(&changed_parts) {
            last.extend(inserts(&credit::changed_part_writes(&changed_parts)));
        }
        if parts.have_empty || parts.lacks_some_of(&changed_parts) {
            last.extend(calls(&credit::empty_part_writes(&changed_parts)));
        }
        if new_accounts > 0 {
            last.extend(inserts(&balance_writes(&rows)));
        }
        last.extend(calls(&last_writes(&rows, &purchases, &shipping, &tiers)));
        last.extend(calls(&total_writes(&rows, &totals)));
        // After an error of one of the others, the server takes it for a rollback.
        last.push(Call::of("commit", vec![]));
        self.prepare(&last).await?;
        all(self.send(last).await)?;
        Ok(Written::Moved(rows.shipping.lanes))
    }

    /// Runs all of them in this order, each sent without waiting for the answer to the one before.
    /// They must have been prepared: then all have been sent once this was first polled.
    async fn send(&self, calls: Vec<Call<'_>>) -> Vec<Result<Answer, tokio_postgres::Error>> {
        // The requests go out in the order in which these are first polled: one by one.
        join_all(calls.into_iter().map(|call| self.ask(call))).await
    }

    async fn ask(
        &self,
        Call { statement, arguments }: Call<'_>,
    ) -> Result<Answer, tokio_postgres::Error> {
        let statement = self.prepared(statement).await?;
        let mut stream = pin!(self.connection.client.query_raw(&statement, arguments).await?);
        let mut rows = vec![];
        while let Some(row) = stream.try_next().await? {
            rows.push(row);
        }
        Ok(Answer { rows, changed: stream.rows_affected().unwrap_or_default() })
    }

    /// Looks rows up.
    async fn find(
        &self,
        statement: &'static str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, WriteError> {
        let statement = self.prepared(statement).await?;
        Ok(self.connection.client.query(&statement, arguments).await?)
    }

    async fn prepare(&self, calls: &[Call<'_>]) -> Result<(), WriteError> {
        for call in calls {
            self.prepared(call.statement).await?;
        }
        Ok(())
    }

    async fn prepared(&self, statement: &'static str) -> Result<Statement, tokio_postgres::Error> {
        let known = self.prepared.lock().get(statement).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let prepared = self.connection.client.prepare(statement).await?;
        self.prepared.lock().insert(statement, prepared.clone());
        Ok(prepared)
    }
}

/// How a batch begins.
fn begin(partition: Partition, from: Checkpoint, next: Checkpoint, rows: &Rows) -> Vec<Call<'_>> {
    let mut first =
        vec![Call::of("begin", vec![]), move_checkpoint(partition, from, next, rows.clock)];
    if !rows.erasures.is_empty() {
        first.push(Call::of(DURABLE, vec![]));
    }
    first.extend(calls(&first_writes(rows)));
    first
}

/// Whether the checkpoint, which is moved by the second of a batch's calls, wasn't where the batch
/// begins.
fn is_overtaken(begun: &[Result<Answer, tokio_postgres::Error>]) -> bool {
    matches!(begun.get(1), Some(Ok(moved)) if moved.changed != 1)
}

/// The answers, or the first error.
fn all(
    answers: Vec<Result<Answer, tokio_postgres::Error>>,
) -> Result<Vec<Answer>, tokio_postgres::Error> {
    answers.into_iter().collect()
}

/// A batch that waited for a lock until its time was over.
#[derive(Debug, thiserror::Error)]
#[error("{held}")]
struct Held {
    held: String,
    #[source]
    error: Box<dyn std::error::Error + Send + Sync>,
}

fn is_held(error: &(dyn std::error::Error + 'static)) -> bool {
    let error = error.downcast_ref::<tokio_postgres::Error>();
    error.and_then(tokio_postgres::Error::code) == Some(&SqlState::LOCK_NOT_AVAILABLE)
}

/// An answer that comes too late is none.
async fn in_time<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, WriteError>>,
) -> Result<T, WriteError> {
    let too_late = |_| {
        let text = format!("PostgreSQL hasn't answered for {} s", limit.as_secs());
        Err(WriteError::Failed(text.into()))
    };
    timeout(limit, answer).await.unwrap_or_else(too_late)
}

impl<'a> Call<'a> {
    fn of(statement: &'static str, arguments: Vec<Argument<'a>>) -> Self {
        Self { statement, arguments }
    }
}

impl std::fmt::Debug for PostgresTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresTables").finish_non_exhaustive()
    }
}

/// The statements of some writes, each for all of its rows at once: those that change rows, then
/// those that insert the ones that aren't there.
fn calls<'a>(writes: &Writes<'a>) -> Vec<Call<'a>> {
    let each = writes.0.iter();
    let each = each.map(|write| {
        [Some(write.statement), write.insert_missing]
            .map(|statement| statement.map(|statement| call(statement, write)))
    });
    each.flatten().flatten().collect()
}

/// Only those that change rows.
fn changes<'a>(writes: &Writes<'a>) -> Vec<Call<'a>> {
    writes.0.iter().map(|write| call(write.statement, write)).collect()
}

/// Only those that insert rows which aren't there.
fn inserts<'a>(writes: &Writes<'a>) -> Vec<Call<'a>> {
    let each = writes.0.iter();
    each.filter_map(|write| write.insert_missing.map(|insert| call(insert, write))).collect()
}

fn call<'a>(statement: &'static statement::Statement, write: &Write<'a>) -> Call<'a> {
    Call::of(&statement.postgres, write.columns().map(column).collect())
}

/// One column of some rows.
fn column<'a>((kind, values): (ColumnKind, impl Iterator<Item = Value<'a>>)) -> Argument<'a> {
    match kind {
        ColumnKind::Int => array(values.map(|value| match value {
            Value::Int(number) => Some(number),
            _ => None,
        })),
        ColumnKind::Text => array(values.map(|value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        })),
        ColumnKind::Bool => array(values.map(|value| match value {
            Value::Bool(is) => Some(is),
            _ => None,
        })),
        ColumnKind::Bytes => array(values.map(|value| match value {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        })),
    }
}

/// An array, which is sent without values where all of them are null, as most are in a rush: what
/// an array is short of counts as null.
fn array<'a, T>(values: impl Iterator<Item = Option<T>>) -> Argument<'a>
where
    T: ToSql + Sync + Send + 'a,
{
    let values: Vec<Option<T>> = values.collect();
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
) -> Call<'a> {
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
    Call::of(&MOVE.postgres, arguments)
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

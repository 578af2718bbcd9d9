//! On PostgreSQL: one statement for each table and batch, with the rows as arrays, a column each.
//!
//! A batch costs two round trips: what it makes with the checkpoint before, then all the rest and
//! the commit, sent at once. Only what was taken back, or changed of a parcel or a purchase, is
//! looked up in between.

mod credit;
mod purchase;
mod shipping;
mod tier;

use std::collections::HashMap;
use std::time::Duration;

use domain::AccountId;
use futures_util::future::try_join_all;
use log_record::{Checksum, Generation, LogId, Partition, Place, Position};
use postgres_connection::{Connection, PostgresUrl};
use read_model::{Checkpoint, ColumnKind, ReadModelError, ReadModelUrl, Value};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

use super::checkpoint::{INSERT, LANES, MOVE, SELECT, STOP};
use super::statement::Writes;
use super::{Batch, WriteError, Written, first_writes, last_writes, total_writes};
use crate::holders::holders;
use crate::rows::{LaneEnd, Lanes};

const ACCOUNTS: &str = include_str!("../sql/postgres/find_account_balances.sql");
const SESSION: &str = include_str!("../sql/postgres/session.sql");
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
    prepared: HashMap<&'static str, Statement>,
}

/// A statement and its arguments.
struct Call<'a> {
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

    async fn transact(&mut self, batch: Batch) -> Result<Written, WriteError> {
        let Batch { partition, from, next, lanes, mut rows } = batch;
        let mut first =
            vec![Call::of("begin", vec![]), move_checkpoint(partition, from, next, rows.clock)];
        first.extend(calls(first_writes(&rows)));
        let accounts: Vec<&str> = rows.balances.keys().map(AccountId::as_str).collect();
        let touched = accounts.len();
        first.push(Call::of(ACCOUNTS, vec![value(accounts)]));
        // The inserts change nothing where the rows are there already, so they can be sent together
        // with the move of the checkpoint, which decides.
        let counts = self.send(first).await?;
        if counts.get(1) != Some(&1) {
            return Ok(Written::Overtaken);
        }
        let found = counts.last().copied().unwrap_or_default();
        let new_accounts = touched.saturating_sub(usize::try_from(found).unwrap_or(touched));
        let were_pending = credit::were_pending(self, &rows).await?;
        rows.apply_withdrawals(&were_pending);
        let found = shipping::find_requests(self, &rows.shipping).await?;
        let shipping = rows.shipping.apply_updates(found, &lanes)?;
        let purchases = purchase::changes(self, &rows).await?;
        let tiers = tier::apply(self, partition, &mut rows).await?;
        let (new_parts, changed_parts) = rows.credit_parts();
        let totals = rows.sum_up(partition, new_accounts);
        let mut last = calls(credit::part_writes(&new_parts, &changed_parts));
        last.extend(calls(last_writes(&rows, &purchases, &shipping, &tiers)));
        last.extend(calls(total_writes(&rows, &totals)));
        // After an error of one of the others, the server takes it for a rollback.
        last.push(Call::of("commit", vec![]));
        self.send(last).await?;
        Ok(Written::Moved(rows.shipping.lanes))
    }

    /// Runs all of them in this order, each sent without waiting for the answer to the one before,
    /// and gives how many rows each changed.
    async fn send(&mut self, calls: Vec<Call<'_>>) -> Result<Vec<u64>, WriteError> {
        for call in &calls {
            self.prepare(call.statement).await?;
        }
        let client = &self.connection.client;
        let running = calls.into_iter().map(|Call { statement, arguments }| {
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

/// The statements of some writes, each for all of its rows at once.
fn calls(writes: Writes<'_>) -> Vec<Call<'_>> {
    let calls = writes.0.into_iter().flat_map(|write| {
        let statements = std::iter::once(write.statement).chain(write.insert_missing);
        statements
            .map(move |statement| {
                Call::of(&statement.postgres, write.columns().map(column).collect())
            })
            .collect::<Vec<_>>()
    });
    calls.collect()
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

//! An append: one transaction, of which nothing or all lands.

use std::time::{Duration, Instant};

use log_record::{Position, RecordedEvent};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::in_place::InPlace;
use super::open;
use super::rows::{failed, insert_events, select_head};
use crate::recent::Recent;
use crate::{Append, AppendError, StoreError, Unlanded};

const MOVE_HEAD: &str = include_str!("move_head.sql");

/// How long one try of an append waits for another process's lock. Then the writer decides no more
/// until the append has landed, so that commands are told for certain that they weren't decided.
const APPEND_LOCK_WAIT: Duration = Duration::from_secs(1);

/// What an append has done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Appended {
    /// The position of its last event.
    pub(crate) last: Position,
    /// How many it had.
    pub(crate) events: u64,
    /// How long the commit took, with its sync.
    pub(crate) committed_in: Duration,
}

/// The append, in one transaction. Where another process holds the lock that the transaction begins
/// with, nothing was written. `recent` keeps the rows once they are durable.
pub(super) fn append_in(
    connection: &Connection,
    in_place: &InPlace,
    recent: &Recent,
    append: Append<RecordedEvent>,
) -> Result<Appended, AppendError> {
    if let Err(error) = in_place.check(connection) {
        return Err(AppendError::NotBegun(error, Unlanded(append.events)));
    }
    let transaction = match begin_append(connection) {
        Ok(transaction) => transaction,
        Err(source) => {
            return Err(match failed(connection, "append to", source) {
                error @ StoreError::Locked { .. } => {
                    AppendError::NotBegun(error, Unlanded(append.events))
                }
                error => AppendError::InDoubt(error),
            });
        }
    };
    let in_doubt = |source| AppendError::InDoubt(failed(connection, "append to", source));
    let appended = append_within(transaction, &append).map_err(in_doubt)??;
    recent.keep(append.events);
    Ok(appended)
}

/// Begins with the write lock, for which it waits only briefly.
fn begin_append(connection: &Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.busy_timeout(APPEND_LOCK_WAIT)?;
    let begun = Transaction::new_unchecked(connection, TransactionBehavior::Immediate);
    connection.busy_timeout(open::BUSY_TIMEOUT)?;
    begun
}

/// The inner error is a conflict, in which nothing landed for certain.
fn append_within(
    transaction: Transaction<'_>,
    append: &Append<RecordedEvent>,
) -> rusqlite::Result<Result<Appended, AppendError>> {
    let moved = transaction.prepare_cached(MOVE_HEAD)?.execute((
        append.partition.0,
        append.expected.0.cast_signed(),
        append.epoch.0.cast_signed(),
        append.generation.0,
        append.last().0.cast_signed(),
        append.next_generation().0,
        append.batch.0.as_bytes(),
    ))?;
    if moved == 0 {
        let head = select_head(&transaction, append.partition);
        return Ok(Err(head.map_or_else(AppendError::InDoubt, AppendError::Conflict)));
    }
    insert_events(&transaction, &append.events)?;
    let begun = Instant::now();
    transaction.commit()?;
    let (last, events) = (append.last(), append.events.len() as u64);
    Ok(Ok(Appended { last, events, committed_in: begun.elapsed() }))
}

//! Appends: one transaction commits those of several partitions, and of each append nothing or all
//! lands.
//!
//! Each has its own compare-and-set: one that fails it keeps no other from landing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use log_record::{Head, RecordedEvent};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::in_place::InPlace;
use super::messages::{insert_messages, is_any_there};
use super::open;
use super::rows::{failed, insert_events, select_head};
use crate::append::{in_doubt, not_begun};
use crate::messages::rows_of;
use crate::recent::Recent;
use crate::{Append, AppendError, Landed, StoreError};

const MOVE_HEAD: &str = include_str!("move_head.sql");

/// How long one try of an append waits for another process's lock. Then the writer decides no more
/// until the append has landed, so that commands are told for certain that they weren't decided.
const APPEND_LOCK_WAIT: Duration = Duration::from_secs(1);

/// How each of the appends ended; `recent`, of each partition, keeps the rows that are durable.
/// Where another process holds the lock that the transaction begins with, nothing was written.
pub(super) fn append_in(
    connection: &Connection,
    in_place: &InPlace,
    recent: &[Arc<Recent>],
    appends: Vec<Append<RecordedEvent>>,
) -> Vec<Result<Landed, AppendError>> {
    if let Err(error) = in_place.check(connection) {
        return not_begun(error, appends);
    }
    let transaction = match begin_append(connection) {
        Ok(transaction) => transaction,
        Err(source) => match failed(connection, "append to", source) {
            error @ StoreError::Locked { .. } => return not_begun(error, appends),
            error => return in_doubt(error, appends.len()),
        },
    };
    let (landed, committed_in) = match append_within(transaction, &appends) {
        Ok(landed) => landed,
        Err(source) => return in_doubt(failed(connection, "append to", source), appends.len()),
    };
    let ended = appends.into_iter().zip(landed).map(|(append, landed)| {
        landed?;
        let landed = Landed::of(&append, Some(committed_in));
        if let Some(recent) = recent.get(usize::from(append.partition.0)) {
            recent.keep(append.events);
        }
        Ok(landed)
    });
    ended.collect()
}

/// Begins with the write lock, for which it waits only briefly.
fn begin_append(connection: &Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.busy_timeout(APPEND_LOCK_WAIT)?;
    let begun = Transaction::new_unchecked(connection, TransactionBehavior::Immediate);
    connection.busy_timeout(open::BUSY_TIMEOUT)?;
    begun
}

/// That an append has landed, or why nothing of it did.
type Ended = Result<(), AppendError>;

/// How each append ended, and how long the commit took.
fn append_within(
    transaction: Transaction<'_>,
    appends: &[Append<RecordedEvent>],
) -> rusqlite::Result<(Vec<Ended>, Duration)> {
    let ended = appends.iter().map(|append| append_one(&transaction, append));
    let ended = ended.collect::<rusqlite::Result<Vec<_>>>()?;
    let begun = Instant::now();
    if ended.iter().any(Result::is_ok) {
        transaction.commit()?;
    }
    Ok((ended, begun.elapsed()))
}

/// Writes all of an append or nothing. The inner error is a conflict, or messages that can't be.
fn append_one(
    transaction: &Transaction<'_>,
    append: &Append<RecordedEvent>,
) -> rusqlite::Result<Ended> {
    let partition = append.partition;
    let messages = match rows_of(&append.events) {
        Ok(messages) => messages,
        Err(error) => return Ok(Err(AppendError::InDoubt(error))),
    };
    // Looked at first, so that nothing has to be undone.
    let is_repeated = is_any_there(transaction, partition, &messages)?;
    if is_repeated || !move_head(transaction, append)? {
        let repeated = StoreError::RepeatedMessage { partition };
        return Ok(Err(match select_head(transaction, partition) {
            Err(error) => AppendError::InDoubt(error),
            Ok(head) if is_repeated && follows(append, &head) => AppendError::InDoubt(repeated),
            Ok(head) => AppendError::Conflict(head),
        }));
    }
    insert_events(transaction, &append.events)?;
    insert_messages(transaction, partition, &messages)?;
    Ok(Ok(()))
}

/// Whether the head was where the writer believed it to be.
fn move_head(
    transaction: &Transaction<'_>,
    append: &Append<RecordedEvent>,
) -> rusqlite::Result<bool> {
    let moved = transaction.prepare_cached(MOVE_HEAD)?.execute((
        append.partition.0,
        append.expected.0.cast_signed(),
        append.epoch.0.cast_signed(),
        append.generation.0,
        append.last().0.cast_signed(),
        append.next_generation().0,
        append.batch.0.as_bytes(),
    ))?;
    Ok(moved > 0)
}

fn follows(append: &Append<RecordedEvent>, head: &Head) -> bool {
    (append.expected, append.epoch, append.generation)
        == (head.position, head.epoch, head.generation)
}

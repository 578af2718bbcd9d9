//! Appends: one transaction commits what waits of all partitions, and of each append nothing or all
//! lands.
//!
//! While one commit is under way, which takes as long as the disk's sync, other partitions' appends
//! gather, and the next commit has them all. Each has its own compare-and-set: one that fails it
//! keeps no other from landing.

use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, mem};

use log_record::{Head, Position, RecordedEvent};
use parking_lot::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior, ffi};
use tokio::sync::oneshot;

use super::in_place::InPlace;
use super::messages::{insert_messages, is_any_there};
use super::open;
use super::rows::{failed, insert_events, select_head};
use crate::messages::rows_of;
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

/// An append that waits for its turn.
struct Waiting {
    /// Gives the rows to append, on the thread that writes.
    sealed: Box<dyn FnOnce() -> Append<RecordedEvent> + Send>,
    answer: oneshot::Sender<Result<Appended, AppendError>>,
}

/// The appends of all partitions that wait, in the order in which they came.
#[derive(Clone, Default)]
pub(super) struct Queue(Arc<Mutex<Vec<Waiting>>>);

impl Queue {
    /// Puts an append behind those that wait.
    pub(super) fn push(
        &self,
        sealed: impl FnOnce() -> Append<RecordedEvent> + Send + 'static,
    ) -> oneshot::Receiver<Result<Appended, AppendError>> {
        let (answer, answered) = oneshot::channel();
        self.0.lock().push(Waiting { sealed: Box::new(sealed), answer });
        answered
    }

    /// Appends what waits, perhaps nothing any more. `recent`, of each partition, keeps the rows
    /// once they are durable.
    pub(super) fn append(
        &self,
        connection: &Connection,
        in_place: &InPlace,
        recent: &[Arc<Recent>],
    ) {
        let waiting = mem::take(&mut *self.0.lock());
        if waiting.is_empty() {
            return;
        }
        let sealed = waiting.into_iter().map(|Waiting { sealed, answer }| (sealed(), answer));
        let (appends, answers): (Vec<_>, Vec<_>) = sealed.unzip();
        let ended = append_in(connection, in_place, recent, appends);
        for (answer, ended) in answers.into_iter().zip(ended) {
            // Whoever asked may have gone.
            drop(answer.send(ended));
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} appends", self.0.lock().len())
    }
}

/// How each of the appends ended. Where another process holds the lock that the transaction begins
/// with, nothing was written.
fn append_in(
    connection: &Connection,
    in_place: &InPlace,
    recent: &[Arc<Recent>],
    appends: Vec<Append<RecordedEvent>>,
) -> Vec<Result<Appended, AppendError>> {
    let not_begun = |error: &StoreError, append: Append<RecordedEvent>| {
        Err(AppendError::NotBegun(again(error), Unlanded(append.events)))
    };
    if let Err(error) = in_place.check(connection) {
        return appends.into_iter().map(|append| not_begun(&error, append)).collect();
    }
    let transaction = match begin_append(connection) {
        Ok(transaction) => transaction,
        Err(source) => match failed(connection, "append to", source) {
            error @ StoreError::Locked { .. } => {
                return appends.into_iter().map(|append| not_begun(&error, append)).collect();
            }
            error => return in_doubt(&error, appends.len()),
        },
    };
    let (landed, committed_in) = match append_within(transaction, &appends) {
        Ok(landed) => landed,
        Err(source) => return in_doubt(&failed(connection, "append to", source), appends.len()),
    };
    let ended = appends.into_iter().zip(landed).map(|(append, landed)| {
        landed?;
        let (last, events) = (append.last(), append.events.len() as u64);
        if let Some(recent) = recent.get(usize::from(append.partition.0)) {
            recent.keep(append.events);
        }
        Ok(Appended { last, events, committed_in })
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

fn in_doubt(error: &StoreError, appends: usize) -> Vec<Result<Appended, AppendError>> {
    (0..appends).map(|_| Err(AppendError::InDoubt(again(error)))).collect()
}

/// The same error once more: each append of a commit is told of it.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::FilesMoved { file, what } => {
            StoreError::FilesMoved { file: file.clone(), what }
        }
        StoreError::Corrupt { file, what } => {
            StoreError::Corrupt { file: file.clone(), what: what.clone() }
        }
        StoreError::Locked { doing, file } => StoreError::Locked { doing, file: file.clone() },
        StoreError::Sqlite { doing, source: rusqlite::Error::SqliteFailure(code, text) } => {
            let source = rusqlite::Error::SqliteFailure(*code, text.clone());
            StoreError::Sqlite { doing, source }
        }
        other => {
            let code = ffi::Error::new(ffi::SQLITE_ERROR);
            let source = rusqlite::Error::SqliteFailure(code, Some(other.to_string()));
            StoreError::Sqlite { doing: "append to", source }
        }
    }
}

//! Adds up a partition's events, reading the next ones meanwhile.

use event_schema::DecodeError;
use event_store::{EventStore, READ_EVENTS_MAX, StoreError};
use log_record::{Partition, Place, Position, RecordedEvent};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::Instant;

use super::Books;

/// A log that can't be added up.
#[derive(Debug, thiserror::Error)]
pub enum AddUpError {
    /// The log can't be read.
    #[error("the log can't be read")]
    Read(#[from] StoreError),
    /// An event can't be decoded.
    #[error("an event can't be decoded")]
    Decode(#[from] DecodeError),
    /// The thread that adds up has failed.
    #[error("adding up was cut short")]
    CutShort(#[from] JoinError),
}

/// Goes on with these sums up to the event at `end`, or until the deadline has passed; `told` is
/// told how many events were added. The sums are of that event's partition.
pub async fn add_up(
    store: &EventStore,
    mut books: Books,
    end: Place,
    deadline: Option<Instant>,
    told: impl Fn(u64),
) -> Result<Books, AddUpError> {
    let mut events = read(store, end.partition, books.position(), end.position).await?;
    while let Some(last) = events.last().map(RecordedEvent::position) {
        let count = events.len() as u64;
        let adding = spawn_blocking(move || {
            for event in &events {
                books.add(event)?;
            }
            Ok::<Books, DecodeError>(books)
        });
        let (added, next) = tokio::join!(adding, read(store, end.partition, last, end.position));
        books = added??;
        told(count);
        events = next?;
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            break;
        }
    }
    Ok(books)
}

/// The next events up to `end`; none once all are read.
async fn read(
    store: &EventStore,
    partition: Partition,
    after: Position,
    end: Position,
) -> Result<Vec<RecordedEvent>, StoreError> {
    let left = usize::try_from(end.since(after)).unwrap_or(usize::MAX);
    match left.min(READ_EVENTS_MAX) {
        0 => Ok(vec![]),
        limit => store.read(partition, after, limit).await,
    }
}

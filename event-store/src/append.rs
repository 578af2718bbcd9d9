//! One append, and how it can end.

use std::fmt;
use std::time::Duration;

use log_record::{
    BatchId, Checksum, Epoch, Generation, Head, LogId, NewEvent, Partition, Place, Position,
    RecordedEvent,
};

use uuid::Uuid;

use crate::StoreError;

/// Events that land together or not at all, after the position, in the epoch and in the generation
/// that the writer believes the partition to be in.
#[derive(Clone, Debug)]
pub struct Append<Event = NewEvent> {
    /// Where to.
    pub partition: Partition,
    /// The epoch of the writer.
    pub epoch: Epoch,
    /// The generation of the partition.
    pub generation: Generation,
    /// The position that the first event follows.
    pub expected: Position,
    /// This append's name, by which a doubt is resolved.
    pub batch: BatchId,
    /// What to append, in order. Rows that another store has recorded keep all that they have, and
    /// the partition goes on in the generation of the last of them.
    pub events: Vec<Event>,
}

impl<Event> Append<Event> {
    /// An append right after a head that was just taken over, or that one's own append has moved.
    #[must_use]
    pub fn after(partition: Partition, head: &Head, events: Vec<Event>) -> Self {
        let Head { position: expected, epoch, generation, .. } = *head;
        let batch = BatchId(Uuid::now_v7());
        Self { partition, epoch, generation, expected, batch, events }
    }
}

impl Append<NewEvent> {
    /// The rows that the events become.
    pub(crate) fn seal(self, log_id: LogId) -> Append<RecordedEvent> {
        let Self { partition, epoch, generation, expected, batch, events } = self;
        let mut place = Place { partition, position: expected };
        let seal = |event| {
            place.position = place.position.next();
            RecordedEvent::seal(log_id, generation, place, event)
        };
        let events = events.into_iter().map(seal).collect();
        Append { partition, epoch, generation, expected, batch, events }
    }
}

impl Append<RecordedEvent> {
    /// The position of the last row.
    pub(crate) const fn last(&self) -> Position {
        self.expected.plus(self.events.len() as u64)
    }

    /// The length of the public texts.
    pub(crate) fn text_bytes(&self) -> usize {
        self.events.iter().map(|row| row.public.len()).sum()
    }

    /// The generation that the partition is in after it.
    pub(crate) fn next_generation(&self) -> Generation {
        self.events.last().map_or(self.generation, |row| row.generation)
    }
}

/// What an append has landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landed {
    /// The position of its last event.
    pub position: Position,
    /// The checksum of that event, by which another history is noticed; none where there was no
    /// event.
    pub checksum: Option<Checksum>,
    /// How long the commit took, in which the events are synced to the disk; none where the log is
    /// elsewhere and doesn't say.
    pub committed_in: Option<Duration>,
}

impl Landed {
    /// That all of the rows have.
    pub(crate) fn of(append: &Append<RecordedEvent>, committed_in: Option<Duration>) -> Self {
        let checksum = append.events.last().map(|row| row.checksum);
        Self { position: append.last(), checksum, committed_in }
    }
}

/// How an append can fail.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Nothing landed, and nothing will: the append didn't begin, because the log was locked or
    /// couldn't be reached, or the database rolled it back. The same rows can be appended again.
    #[error("the append didn't begin, and nothing landed")]
    NotBegun(#[source] StoreError, Unlanded),
    /// Nothing landed: the head isn't where the writer believed it to be, so another one writes.
    #[error("the partition has moved on: its head is at {} in epoch {}", .0.position, .0.epoch)]
    Conflict(Head),
    /// Whether it landed isn't known, and it may still land; `EventStore::resolve_doubt` tells.
    #[error("whether the append landed isn't known")]
    InDoubt(#[source] StoreError),
}

/// Appends of one commit of which nobody knows whether it landed.
pub(crate) fn in_doubt(error: StoreError, appends: usize) -> Vec<Result<Landed, AppendError>> {
    error.for_each(appends).map(|error| Err(AppendError::InDoubt(error))).collect()
}

/// Appends of one commit of which nothing has landed, and nothing will.
pub(crate) fn not_begun(
    error: StoreError,
    appends: Vec<Append<RecordedEvent>>,
) -> Vec<Result<Landed, AppendError>> {
    let errors = error.for_each(appends.len()).zip(appends);
    let ended =
        errors.map(|(error, append)| Err(AppendError::NotBegun(error, Unlanded(append.events))));
    ended.collect()
}

/// The rows of an append that didn't begin, for [`EventStore::append_recorded`]; none where only
/// the head was to be confirmed.
///
/// [`EventStore::append_recorded`]: crate::EventStore::append_recorded
#[derive(Default)]
pub struct Unlanded(pub Vec<RecordedEvent>);

/// Without the rows, which have private texts.
impl fmt::Debug for Unlanded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.0.len())
    }
}

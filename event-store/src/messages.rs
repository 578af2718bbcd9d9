//! The log's index of messages: which event of a partition is the message with a number to another.
//!
//! An append writes a row for each message that it sends, in the same transaction; where an event
//! is no message, nothing is written. The events alone say what is a message
//! ([`RecordedEvent::MESSAGE`]), so an import writes the rows again, and a row that is wrong is
//! seen when its event is read. Rows stay when events are archived
//! (`docs/decisions/0063-messages-between-partitions.md`).

use log_record::{Partition, Place, Position, RecordedEvent};
use serde::Deserialize;

use crate::{EventStore, READ_EVENTS_MAX, StoreError};

/// What is wrong with a message that the index hasn't.
pub(crate) const UNINDEXED: &str = "is missing from the index of messages";
/// What is wrong with a row of the index that leads elsewhere.
pub(crate) const MISPLACED: &str = "isn't the event that the index of messages names";

/// A row of the index, of a message from a partition that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageRow {
    pub(crate) to: Partition,
    pub(crate) number: u64,
    /// Where its event is in the partition that it comes from.
    pub(crate) position: Position,
}

/// A row of the index as it was read, and the event there; none where that isn't in the log itself.
#[derive(Debug)]
pub(crate) struct Indexed {
    pub(crate) row: MessageRow,
    pub(crate) event: Option<RecordedEvent>,
}

/// What a message's public text says of its way.
#[derive(Deserialize)]
struct Address {
    to: Partition,
    number: u64,
}

/// The rows that these events have in the index, in their order: most often none. Numbers to one
/// partition must follow each other.
pub(crate) fn rows_of(events: &[RecordedEvent]) -> Result<Vec<MessageRow>, StoreError> {
    let mut rows: Vec<MessageRow> = vec![];
    for event in events {
        let Some(row) = row_of(event)? else { continue };
        let before = rows.iter().rev().find(|before| before.to == row.to);
        if before.is_some_and(|before| before.number.checked_add(1) != Some(row.number)) {
            let what = "is a message whose number doesn't follow that of the one before it";
            return Err(StoreError::CorruptEvent { place: event.place, what });
        }
        rows.push(row);
    }
    Ok(rows)
}

/// The row of an event, if it is a message.
fn row_of(event: &RecordedEvent) -> Result<Option<MessageRow>, StoreError> {
    if *event.event_type != *RecordedEvent::MESSAGE {
        return Ok(None);
    }
    let Ok(Address { to, number }) = serde_json::from_str(&event.public) else {
        let what = "is a message that doesn't say to whom, or with which number";
        return Err(StoreError::CorruptEvent { place: event.place, what });
    };
    Ok(Some(MessageRow { to, number, position: event.position() }))
}

impl EventStore {
    /// The messages from one partition to another with numbers from `first` on, in their order and
    /// without a gap: as many as there are, but at most `limit` and [`READ_EVENTS_MAX`]. Numbers
    /// begin at 1.
    pub async fn read_messages(
        &self,
        from: Partition,
        to: Partition,
        first: u64,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        for partition in [from, to] {
            self.recent(partition)?;
        }
        let mut number = first.max(1);
        let indexed = self.indexed(from, to, number, limit.min(READ_EVENTS_MAX)).await?;
        let mut messages = Vec::with_capacity(indexed.len());
        for Indexed { row, event } in indexed {
            if row.number != number {
                return Err(StoreError::CorruptMessage { from, to, number, what: UNINDEXED });
            }
            let place = Place { partition: from, position: row.position };
            let event = match event {
                Some(event) if event.place == place && event.is_intact(self.log_id()) => event,
                // It is in the archive, or the log's own read names what is wrong with it.
                _ => self.read_one(place).await?,
            };
            if row_of(&event)? != Some(row) {
                return Err(StoreError::CorruptMessage { from, to, number, what: MISPLACED });
            }
            messages.push(event);
            number += 1;
        }
        Ok(messages)
    }

    /// The rows of the index from a number on, with their events.
    pub(crate) async fn indexed(
        &self,
        from: Partition,
        to: Partition,
        first: u64,
        limit: usize,
    ) -> Result<Vec<Indexed>, StoreError> {
        match self {
            Self::Memory(store) => store.read_messages(from, to, first, limit).await,
            Self::Sqlite(store) => store.read_messages(from, to, first, limit).await,
            Self::Postgres(store) => store.read_messages(from, to, first, limit).await,
            // Its one partition sends nothing.
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Ok(vec![]),
        }
    }
}

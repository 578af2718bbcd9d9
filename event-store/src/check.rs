//! What is checked of events that a store has read.

use log_record::{EventRef, Generation, LogId, Partition, Place, Position, RecordedEvent};

use crate::StoreError;

/// What is wrong with an event that should be there.
pub(crate) const MISSING: &str = "is missing";

/// Checks that events are intact and dense, as [`EventStore`] promises, one after the other.
///
/// [`EventStore`]: crate::EventStore
pub(crate) struct RowCheck {
    log_id: LogId,
    partition: Partition,
    after: Position,
    last: Position,
    /// Room for a fixed record.
    record: Vec<u8>,
}

impl RowCheck {
    pub(crate) const fn new(log_id: LogId, partition: Partition, after: Position) -> Self {
        Self { log_id, partition, after, last: after, record: vec![] }
    }

    pub(crate) fn next(&mut self, row: &EventRef<'_>) -> Result<(), StoreError> {
        self.last = self.last.next();
        let place = Place { partition: self.partition, position: self.last };
        if row.place != place {
            return Err(StoreError::CorruptEvent { place, what: MISSING });
        }
        if !row.is_intact(self.log_id, &mut self.record) {
            return Err(StoreError::CorruptEvent { place, what: "has a wrong checksum" });
        }
        Ok(())
    }

    /// Once there are no more, of which so many should have been there.
    pub(crate) fn end(self, wanted: u64) -> Result<(), StoreError> {
        if self.last.since(self.after) < wanted {
            let place = Place { partition: self.partition, position: self.last.next() };
            return Err(StoreError::CorruptEvent { place, what: MISSING });
        }
        Ok(())
    }
}

/// Checks that what a store read is intact and dense.
pub(crate) fn check_rows(
    log_id: LogId,
    partition: Partition,
    after: Position,
    wanted: u64,
    rows: &[RecordedEvent],
) -> Result<(), StoreError> {
    let mut check = RowCheck::new(log_id, partition, after);
    rows.iter().try_for_each(|row| check.next(&row.into()))?;
    check.end(wanted)
}

/// Checks that events follow each other in one history: nothing but a declared fork begins another
/// generation, and only a later one.
#[derive(Default)]
pub(crate) struct HistoryCheck {
    before: Option<Generation>,
}

impl HistoryCheck {
    pub(crate) fn next(&mut self, row: &EventRef<'_>) -> Result<(), StoreError> {
        match self.before.replace(row.generation).filter(|before| *before != row.generation) {
            Some(before) if row.event_type != RecordedEvent::FORK || row.generation < before => {
                Err(StoreError::TwoHistories { place: row.place, before, found: row.generation })
            }
            _ => Ok(()),
        }
    }
}

/// Checks that all of these events are of one history.
pub(crate) fn check_generations(rows: &[RecordedEvent]) -> Result<(), StoreError> {
    let mut check = HistoryCheck::default();
    rows.iter().try_for_each(|row| check.next(&row.into()))
}

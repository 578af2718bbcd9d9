//! Compares what the events of a partition send with the log's index of messages. A row that is
//! missing would hide its message from whoever it is for, and one too many would stop them.

use std::collections::BTreeMap;

use log_record::{Partition, Position, RecordedEvent};

use crate::messages::{Indexed, MISPLACED, MessageRow, UNINDEXED, rows_of};
use crate::{EventStore, READ_EVENTS_MAX, StoreError};

/// What has been seen of a partition's messages.
#[derive(Debug)]
pub struct MessageCheck {
    from: Partition,
    after: Position,
    /// The first and the last number to each partition.
    seen: BTreeMap<Partition, (u64, u64)>,
}

impl MessageCheck {
    /// Of a partition whose events are read from the one after `after` on. What stands before is
    /// only looked at in the index.
    #[must_use]
    pub const fn new(from: Partition, after: Position) -> Self {
        Self { from, after, seen: BTreeMap::new() }
    }

    /// Compares the next events, which follow those before. Gives what is wrong, once for each
    /// partition that they are for.
    pub async fn next(&mut self, store: &EventStore, events: &[RecordedEvent]) -> Vec<StoreError> {
        let rows = match rows_of(events) {
            Ok(rows) => rows,
            Err(error) => return vec![error],
        };
        let mut by_receiver: BTreeMap<Partition, Vec<MessageRow>> = BTreeMap::new();
        for row in rows {
            by_receiver.entry(row.to).or_default().push(row);
        }
        let mut wrong = vec![];
        for (to, rows) in by_receiver {
            wrong.extend(self.compare(store, to, &rows).await.err());
        }
        wrong
    }

    /// Compares what the index has beside the events, up to `end`, which was read last. Gives what
    /// is wrong, once for each partition that messages are for.
    pub async fn end(self, store: &EventStore, end: Position) -> Vec<StoreError> {
        let mut wrong = vec![];
        for to in (0..store.partitions()).map(Partition) {
            wrong.extend(self.compare_the_rest(store, to, end).await.err());
        }
        wrong
    }

    /// Compares the messages to one partition with the rows that they should have.
    async fn compare(
        &mut self,
        store: &EventStore,
        to: Partition,
        rows: &[MessageRow],
    ) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
        let before = self.seen.get(&to).copied();
        let (first_seen, _) = before.unwrap_or((first.number, 0));
        self.seen.insert(to, (first_seen, last.number));
        let is_whole = self.after == Position::START;
        let next = before.map(|(_, last)| last + 1).or(is_whole.then_some(1));
        if let Some(number) = next.filter(|next| *next != first.number) {
            return Err(self.wrong(to, number, "is missing among the events"));
        }
        let indexed = store.indexed(self.from, to, first.number, rows.len()).await?;
        for (at, row) in rows.iter().enumerate() {
            match indexed.get(at).map(|indexed| indexed.row) {
                Some(found) if found == *row => {}
                Some(found) if found.number == row.number => {
                    return Err(self.wrong(to, row.number, MISPLACED));
                }
                _ => return Err(self.wrong(to, row.number, UNINDEXED)),
            }
        }
        Ok(())
    }

    /// Looks at the rows of what is archived, and at those after the last message.
    async fn compare_the_rest(
        &self,
        store: &EventStore,
        to: Partition,
        end: Position,
    ) -> Result<(), StoreError> {
        let (first, last) = self.seen.get(&to).copied().unwrap_or((u64::MAX, 0));
        let mut next = 1;
        loop {
            if next == first {
                next = last + 1;
            }
            let room = if next < first { first - next } else { u64::MAX };
            let limit = usize::try_from(room).unwrap_or(usize::MAX).min(READ_EVENTS_MAX);
            let page = store.indexed(self.from, to, next, limit).await?;
            if page.is_empty() {
                let is_cut_short = next < first && first < u64::MAX;
                return if is_cut_short { Err(self.wrong(to, next, UNINDEXED)) } else { Ok(()) };
            }
            for Indexed { row, .. } in page {
                if row.number != next {
                    return Err(self.wrong(to, next, UNINDEXED));
                }
                if row.position > end {
                    // It was sent since.
                    return Ok(());
                }
                if row.position > self.after {
                    return Err(self.wrong(to, row.number, MISPLACED));
                }
                next += 1;
            }
        }
    }

    const fn wrong(&self, to: Partition, number: u64, what: &'static str) -> StoreError {
        StoreError::CorruptMessage { from: self.from, to, number, what }
    }
}

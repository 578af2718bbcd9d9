//! Reading on: what is there, then what comes, in order, each event once.

use std::time::Duration;

use log_record::{Partition, Position, RecordedEvent};
use tokio::sync::watch;

use crate::{EventStore, StoreError};

/// How often a follower looks when nobody tells it of new events: one in another process than the
/// writer. A projection there is at most this late.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Reads a partition from a position on, for as long as one likes.
#[derive(Debug)]
pub struct Follower {
    store: EventStore,
    partition: Partition,
    after: Position,
    appended: watch::Receiver<Position>,
}

impl Follower {
    pub(crate) fn new(
        store: EventStore,
        partition: Partition,
        after: Position,
        appended: watch::Receiver<Position>,
    ) -> Self {
        Self { store, partition, after, appended }
    }

    /// The next events, at least one and at most `limit`; waits until there is one. Dropping the
    /// future loses nothing.
    pub async fn next(&mut self, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        loop {
            self.appended.borrow_and_update();
            let events = self.store.read(self.partition, self.after, limit).await?;
            if let Some(last) = events.last() {
                self.after = last.position();
                return Ok(events);
            }
            tokio::select! {
                Ok(()) = self.appended.changed() => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
    }
}

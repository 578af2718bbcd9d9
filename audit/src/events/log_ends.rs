//! Where the log ends, asked once for all who follow it.

use std::time::Duration;

use event_store::{EventStore, StoreError};
use log_record::{Partition, Position};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long an answer is good for: whoever follows hears of an event so late, at most.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The end of each partition as it was seen last.
#[derive(Debug)]
pub(crate) struct LogEnds(Vec<Mutex<Option<(Instant, Position)>>>);

impl LogEnds {
    /// Nothing is asked as yet.
    pub(crate) fn of(store: &EventStore) -> Self {
        Self((0..store.partitions()).map(|_| Mutex::default()).collect())
    }

    /// The last position of a partition. Who asks while another does waits for the other's answer.
    pub(super) async fn end(
        &self,
        store: &EventStore,
        partition: Partition,
    ) -> Result<Position, StoreError> {
        let seen = self.0.get(usize::from(partition.0));
        let mut seen = seen.ok_or(StoreError::NoSuchPartition(partition))?.lock().await;
        if let Some((at, end)) = *seen
            && at.elapsed() < LOOK_INTERVAL
        {
            return Ok(end);
        }
        let end = store.head(partition).await?.position;
        *seen = Some((Instant::now(), end));
        Ok(end)
    }
}

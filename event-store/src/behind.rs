//! How far whoever reads a partition in order is behind its end.

use log_record::{Partition, Position};

use crate::{EventStore, StoreError};

/// Where a partition ends, and what of it wasn't read at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// The position of the partition's last event.
    pub head: Position,
    /// When the first event was recorded that wasn't read, in microseconds since 1970; nothing
    /// where all were.
    pub since: Option<i64>,
}

impl EventStore {
    /// How far one is behind a partition's end who has read it up to `position`.
    pub async fn behind(
        &self,
        partition: Partition,
        position: Position,
    ) -> Result<Behind, StoreError> {
        let head = self.head(partition).await?.position;
        let mut since = None;
        if head > position {
            let next = self.read(partition, position, 1).await?;
            since = next.first().map(|event| event.recorded_at);
        }
        Ok(Behind { head, since })
    }
}

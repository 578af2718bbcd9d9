//! Where a partition's projection stands, and whether the log is still the one that it was made of.

use event_store::EventStore;
use log_record::{Checksum, Generation, LogId, Partition, Place, Position, RecordedEvent};

use crate::{ProjectError, ReadModelUrl};

/// The last event that was projected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) generation: Generation,
    pub(crate) position: Position,
    pub(crate) checksum: Checksum,
    /// When it was recorded.
    pub(crate) recorded_at: i64,
}

impl Checkpoint {
    /// Before the first event.
    pub(crate) const START: Self = Self {
        generation: Generation(1),
        position: Position::START,
        checksum: Checksum([0; 32]),
        recorded_at: 0,
    };

    pub(crate) const fn at(row: &RecordedEvent) -> Self {
        Self {
            generation: row.generation,
            position: row.place.position,
            checksum: row.checksum,
            recorded_at: row.recorded_at,
        }
    }

    /// Checks that this checkpoint, of log `of`, is of the log's own history.
    pub(crate) async fn verify(
        self,
        of: LogId,
        at: &ReadModelUrl,
        store: &EventStore,
        partition: Partition,
    ) -> Result<Self, ProjectError> {
        if of != store.log_id() {
            return Err(ProjectError::OtherLog { at: at.clone(), of, log: store.log_id() });
        }
        let head = store.head_past(partition, self.position).await?.position;
        let place = Place { partition, position: self.position };
        let forked = || ProjectError::Forked { at: at.clone(), place, head };
        if self.position > head {
            return Err(forked());
        }
        if self.position > Position::START && Self::at(&store.read_one(place).await?) != self {
            return Err(forked());
        }
        Ok(self)
    }
}

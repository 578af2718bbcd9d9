//! Rebuilding a partition's state from its log.

use domain::{Impossible, State};
use event_schema::{DecodeError, decode};
use event_store::{EventStore, READ_EVENTS_MAX, StoreError};
use log_record::{Partition, Position};

/// A log that gives no state.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The log can't be read.
    #[error("the log can't be read")]
    Read(#[from] StoreError),
    /// An event can't be decoded.
    #[error("an event can't be decoded")]
    Decode(#[from] DecodeError),
    /// An event can't follow those before it.
    #[error("the log is corrupted in partition {partition}")]
    Impossible {
        /// Where.
        partition: Partition,
        /// Which event, and why.
        #[source]
        source: Impossible,
    },
    /// The log ends between two events that are appended together.
    #[error(
        "the log is corrupted in partition {partition}: it ends at {position} in half a pair of \
         events"
    )]
    HalfAPair {
        /// Where.
        partition: Partition,
        /// Its last event.
        position: Position,
    },
}

impl LoadError {
    /// Whether trying again can help: the log could not be read for now.
    pub(super) const fn is_passing(&self) -> bool {
        matches!(self, Self::Read(error) if error.is_passing())
    }
}

/// The state after every event up to `head`.
pub(super) async fn load(
    store: &EventStore,
    partition: Partition,
    head: Position,
) -> Result<State, LoadError> {
    let mut state = State::default();
    while state.position() < head {
        let rows = store.read(partition, state.position(), READ_EVENTS_MAX).await?;
        for row in &rows {
            let (recorded_at, event) = decode(row)?;
            state
                .evolve(row.position(), recorded_at, &event)
                .map_err(|source| LoadError::Impossible { partition, source })?;
        }
    }
    if !state.is_whole() {
        return Err(LoadError::HalfAPair { partition, position: head });
    }
    Ok(state)
}

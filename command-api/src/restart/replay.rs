//! The log's events, folded into a state: read and decoded ahead on other threads, where the store
//! reads them, and applied in order on this one.

use domain::{Event, State, Timestamp};
use event_schema::decode_public;
use event_store::EventStore;
use futures_util::stream::{self, StreamExt as _};
use log_record::{EventRef, Partition, Position};

use super::LoadError;

/// How many events are read at a time.
const CHUNK_EVENTS: usize = 4_096;

/// How many chunks are read and decoded ahead.
const CHUNKS_AHEAD: usize = 4;

/// How many events the state looks at before it applies them. What they need of the memory comes
/// at once then, and not one after the other.
const AHEAD_EVENTS: usize = 64;

/// An event, and when it was recorded.
type Decoded = (Position, Timestamp, Event);

/// The state after every event up to `head`.
pub(super) async fn replay(
    mut state: State,
    store: &EventStore,
    partition: Partition,
    head: Position,
) -> Result<State, LoadError> {
    let starts = (state.position().0..head.0).step_by(CHUNK_EVENTS).map(Position);
    let mut chunks = stream::iter(starts)
        .map(|after| tokio::spawn(read(store.clone(), partition, after, head)))
        .buffered(CHUNKS_AHEAD);
    while let Some(chunk) = chunks.next().await {
        for block in chunk??.chunks(AHEAD_EVENTS) {
            state.look_ahead(block.iter().map(|(_, _, event)| event));
            for (position, recorded_at, event) in block {
                state
                    .evolve(*position, *recorded_at, event)
                    .map_err(|source| LoadError::Impossible { partition, source })?;
            }
        }
    }
    Ok(state)
}

async fn read(
    store: EventStore,
    partition: Partition,
    after: Position,
    head: Position,
) -> Result<Vec<Decoded>, LoadError> {
    // The event before them, too, so that the store sees whether they are of its history.
    let known = usize::from(after > Position::START);
    let limit = usize::try_from(head.since(after)).unwrap_or(usize::MAX).min(CHUNK_EVENTS);
    let from = Position(after.0 - known as u64);
    let decode = move |row: &EventRef<'_>| {
        let position = row.place.position;
        let decoded = (position > after).then(|| decode_public(row))?;
        Some(decoded.map(|(recorded_at, event)| (position, recorded_at, event)))
    };
    Ok(store.read_public(partition, from, limit + known, decode).await??)
}

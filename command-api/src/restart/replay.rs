//! The log's events, folded into a state: read and decoded ahead on other threads, applied in order
//! on this one.

use domain::{Event, State, Timestamp};
use event_schema::decode_public;
use event_store::EventStore;
use futures_util::stream::{self, StreamExt as _};
use log_record::{Partition, Position};

use super::LoadError;

/// How many events are read at a time.
const CHUNK_EVENTS: usize = 4_096;

/// How many chunks are read and decoded ahead.
const CHUNKS_AHEAD: usize = 4;

type Chunk = Vec<(Position, (Timestamp, Event))>;

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
        for (position, (recorded_at, event)) in chunk?? {
            state
                .evolve(position, recorded_at, &event)
                .map_err(|source| LoadError::Impossible { partition, source })?;
        }
    }
    Ok(state)
}

async fn read(
    store: EventStore,
    partition: Partition,
    after: Position,
    head: Position,
) -> Result<Chunk, LoadError> {
    // The event before them, too, so that the store sees whether they are of its history.
    let known = usize::from(after > Position::START);
    let limit = usize::try_from(head.since(after)).unwrap_or(usize::MAX).min(CHUNK_EVENTS);
    let from = Position(after.0 - known as u64);
    let rows = store.read(partition, from, limit + known).await?;
    let decoded = tokio::task::spawn_blocking(move || {
        let mut events = Vec::with_capacity(rows.len());
        for row in rows.iter().skip(known) {
            events.push((row.position(), decode_public(row)?));
        }
        Ok(events)
    });
    decoded.await?
}

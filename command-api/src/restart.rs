//! A partition's state when its writer starts, and after a failed append: the newest snapshot that
//! is whole and of the log's own history, and the events after it.
//!
//! A snapshot only spares time. A damaged one is passed over, with a word about it; one that the
//! log contradicts says that the log was shortened or changed, and nothing starts on that. In
//! reading order: `snapshots.rs` (the folder), `snapshot.rs` (one file), `hashed_reader.rs` (its
//! bytes), `replay.rs` (the events).

mod hashed_reader;
mod replay;
mod snapshot;
mod snapshots;

use std::path::PathBuf;

use domain::{Impossible, State};
use event_schema::DecodeError;
use event_store::{EventStore, StoreError};
use log_record::{Generation, Partition, Place, Position};

use replay::replay;
use snapshot::Snapshot;
pub use snapshots::{SnapshotError, Snapshots, Taken};

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
        /// The partition.
        partition: Partition,
        /// The event, and the invariant that it breaks.
        #[source]
        source: Impossible,
    },
    /// The log ends between two events that are appended together.
    #[error(
        "the log is corrupted in partition {partition}: it ends at {position} in half a pair of \
         events"
    )]
    HalfAPair {
        /// The partition.
        partition: Partition,
        /// Its last event.
        position: Position,
    },
    /// The log has fewer events than its head says.
    #[error(
        "the log is corrupted in partition {partition}: its head is at {head}, and its last event \
         at {last}; restore the log from a backup"
    )]
    Short {
        /// The partition.
        partition: Partition,
        /// The last event that could be read.
        last: Position,
        /// Where the events should end.
        head: Position,
    },
    /// The log's history isn't the one that a snapshot was made of.
    #[error(
        "log-forked: the snapshot {file} was made of a log whose event at {place} is not in this \
         one, which was shortened or changed since (its head is at {head}); restore the right log, \
         or, where it is lost, declare this one to be the history with `guerdon fork-log`: see \
         \"After a fork\" in docs/operations/postgresql.md"
    )]
    Forked {
        /// The snapshot's file.
        file: PathBuf,
        /// The last event that is in it.
        place: Place,
        /// That event's generation.
        generation: Generation,
        /// Where the log ends.
        head: Position,
    },
    /// A thread that read ahead has failed.
    #[error("reading the log was cut short")]
    CutShort(#[from] tokio::task::JoinError),
}

impl LoadError {
    /// Whether trying again can help: the log could not be read for now.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Read(error) if error.is_passing())
    }
}

/// A state, and what it was made of.
#[derive(Debug)]
pub struct Loaded {
    /// The state.
    pub state: State,
    /// The last event of the snapshot that it goes on from; before the first, where there was none.
    pub from: Position,
}

impl Snapshots {
    /// Checks that the newest snapshot, where there is one, is of the log's own history.
    pub async fn check(&self, store: &EventStore, partition: Partition) -> Result<(), LoadError> {
        let head = store.head(partition).await?.position;
        self.newest(store, partition, head).await.map(drop)
    }
}

/// The state after every event up to `head`.
pub async fn load(
    store: &EventStore,
    partition: Partition,
    snapshots: Option<&Snapshots>,
    head: Position,
) -> Result<Loaded, LoadError> {
    let newest = match snapshots {
        Some(snapshots) => snapshots.newest(store, partition, head).await?.0,
        None => None,
    };
    go_on_from(newest, store, partition, head).await
}

/// The state as it was after the event at `until`, which may be long past. Snapshots of later
/// events are of no use for it.
pub async fn load_past(
    store: &EventStore,
    partition: Partition,
    snapshots: &Snapshots,
    until: Position,
) -> Result<State, LoadError> {
    let head = store.head(partition).await?.position;
    let (newest, _) = snapshots.newest_until(store, partition, head, until).await?;
    Ok(go_on_from(newest, store, partition, until).await?.state)
}

/// The state after every event up to `head`, from a snapshot or from the beginning.
async fn go_on_from(
    newest: Option<Snapshot>,
    store: &EventStore,
    partition: Partition,
    head: Position,
) -> Result<Loaded, LoadError> {
    let state = match newest {
        Some(Snapshot { file, checkpoint, state }) => {
            let behind = head.since(checkpoint.position);
            tracing::info!(file = %file.display(), events = behind, "going on from a snapshot");
            state
        }
        None => State::new(partition),
    };
    let from = state.position();
    let state = replay(state, store, partition, head).await?;
    let last = state.position();
    if last != head {
        return Err(LoadError::Short { partition, last, head });
    }
    if !state.is_whole() {
        return Err(LoadError::HalfAPair { partition, position: head });
    }
    Ok(Loaded { state, from })
}

/// Whether a snapshot is of the log's own history. One of events that a fork has declared to be
/// lost isn't, wherever it was declared; one of other events that the log lacks is an error.
async fn is_own(
    snapshot: &Snapshot,
    store: &EventStore,
    partition: Partition,
    head: Position,
) -> Result<bool, LoadError> {
    let checkpoint = &snapshot.checkpoint;
    let place = Place { partition, position: checkpoint.position };
    let is_of_the_log =
        checkpoint.position <= head && checkpoint.is_at(&store.read_one(place).await?);
    if is_of_the_log {
        return Ok(true);
    }
    if checkpoint.generation < store.head(partition).await?.generation {
        return Ok(false);
    }
    let (file, generation) = (snapshot.file.clone(), checkpoint.generation);
    Err(LoadError::Forked { file, place, generation, head })
}

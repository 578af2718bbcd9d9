//! Proofs that events are in the newest signed tree.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use event_store::EventStore;
use log_record::{LogId, Place, Position, RecordedEvent};
use transparency::{TreeHash, inclusion};

use crate::SealError;
use crate::folder::TreeFolder;
use crate::sealed::Sealed;
use crate::sealer::{Sealer, Shown};
use crate::tree_files::subtree;

/// How long a proof waits for an event that was appended a moment ago. What is appended is sealed
/// within a part of that.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// Proves events of a log.
#[derive(Clone, Debug)]
pub struct Prover {
    store: EventStore,
    shown: Shown,
}

/// Events, and the checkpoint that has them.
#[derive(Clone, Debug)]
pub struct Proved {
    /// The signed note of the checkpoint.
    pub checkpoint: String,
    /// The notes in which a key handed over to the next.
    pub handovers: Vec<String>,
    /// The events, in the order of the log.
    pub events: Vec<ProvedEvent>,
}

/// An event, and the proof that it is in a tree.
#[derive(Clone, Debug)]
pub struct ProvedEvent {
    /// The event.
    pub event: RecordedEvent,
    /// Its fixed record, in base64.
    pub entry: String,
    /// The hashes that lead from the record to the root.
    pub proof: Vec<TreeHash>,
}

/// Why nothing was proved.
#[derive(Debug, thiserror::Error)]
pub enum Unproved {
    /// The events aren't sealed yet.
    #[error("the event at {wanted} isn't sealed yet; {reached} is the last that is")]
    NotSealed {
        /// The last of the events.
        wanted: Place,
        /// Up to where the log is sealed.
        reached: Place,
    },
    /// An event isn't the one that was sealed.
    #[error("the event at {0} isn't the one that was sealed: it was changed in the log's database")]
    Changed(Place),
    /// The log or the tree can't be read.
    #[error("the events can't be proved")]
    Unread(#[from] SealError),
}

impl Sealer {
    /// Proves events of what it seals.
    #[must_use]
    pub fn prover(&self) -> Prover {
        Prover { store: self.store().clone(), shown: self.shown() }
    }
}

impl Prover {
    /// Proves those events at these places, in the order of the log and of one partition, that
    /// `is_wanted`. Places beside each other are read together.
    pub async fn prove(
        &self,
        places: &[Place],
        is_wanted: impl Fn(&RecordedEvent) -> bool,
    ) -> Result<Option<Proved>, Unproved> {
        let mut wanted = vec![];
        for run in places.chunk_by(|a, b| a.plus(1) == *b) {
            let Some(first) = run.first() else { continue };
            let before = Position(first.position.0.saturating_sub(1));
            let read = self.store.read(first.partition, before, run.len()).await;
            wanted.extend(read.map_err(SealError::from)?.into_iter().filter(&is_wanted));
        }
        let Some(last) = wanted.last().map(|event| event.place) else { return Ok(None) };
        let Sealed { folder, size, note, handovers, .. } = self.sealed(last).await?;
        let log_id = self.store.log_id();
        // The tree is in files.
        let proved = tokio::task::spawn_blocking(move || {
            let proved = wanted.into_iter().map(|event| prove(log_id, &folder, size, event));
            proved.collect::<Result<Vec<_>, Unproved>>()
        });
        let events = proved.await.map_err(|_| SealError::Closed)??;
        Ok(Some(Proved { checkpoint: note, handovers, events }))
    }

    /// The newest tree that has the event, for which it waits a little.
    async fn sealed(&self, wanted: Place) -> Result<Sealed, Unproved> {
        let shown = self.shown.get(usize::from(wanted.partition.0)).cloned();
        let mut shown = shown.ok_or(Unproved::Unread(SealError::Closed))?;
        let has = |sealed: &Option<Sealed>| {
            sealed.as_ref().is_some_and(|sealed| sealed.size >= wanted.position.0)
        };
        // A sealer that has ended tells no more.
        let waited = tokio::time::timeout(WAIT_MAX, shown.wait_for(has)).await;
        drop(waited);
        let newest = shown.borrow().clone();
        let reached = newest.as_ref().map_or(0, |sealed| sealed.size);
        newest.filter(|sealed| sealed.size >= wanted.position.0).ok_or(Unproved::NotSealed {
            wanted,
            reached: Place { position: Position(reached), ..wanted },
        })
    }
}

/// Proves an event by the tree's files. What they say of it was written when it was sealed.
fn prove(
    log_id: LogId,
    folder: &TreeFolder,
    size: u64,
    event: RecordedEvent,
) -> Result<ProvedEvent, Unproved> {
    let unread = |source| Unproved::Unread(SealError::file(folder.path())(source));
    let index = event.place.position.0.saturating_sub(1);
    let record = event.fixed_record(log_id);
    let sealed = subtree(folder, 0, index).map_err(unread)?;
    if sealed != TreeHash::of_leaf(&record) {
        return Err(Unproved::Changed(event.place));
    }
    let proof = inclusion(index, size, |level, index| subtree(folder, level, index));
    let proof = proof.map_err(unread)?.ok_or(SealError::Closed)?;
    Ok(ProvedEvent { event, entry: BASE64_STANDARD.encode(record), proof })
}

//! Proofs that events are in the newest signed tree.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use event_store::EventStore;
use log_record::{Place, RecordedEvent};
use transparency::{TreeHash, inclusion};

use crate::SealError;
use crate::folder::TreeFolder;
use crate::sealed::Sealed;
use crate::sealer::{Sealer, Shown};
use crate::tree_files::subtree;

/// How long a proof waits for an event that was appended a moment ago.
const WAIT_MAX: Duration = Duration::from_secs(2);

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
    /// The events.
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
    /// Proves events of one partition that `is_wanted`, at these places.
    pub async fn prove(
        &self,
        places: &[Place],
        is_wanted: impl Fn(&RecordedEvent) -> bool,
    ) -> Result<Proved, Unproved> {
        let mut wanted = vec![];
        for place in places {
            let event = self.store.read_one(*place).await.map_err(SealError::from)?;
            if is_wanted(&event) {
                wanted.push(event);
            }
        }
        let Some(last) = wanted.iter().map(|event| event.place).max() else {
            let (checkpoint, handovers) = (String::new(), vec![]);
            return Ok(Proved { checkpoint, handovers, events: vec![] });
        };
        let Sealed { folder, size, note, handovers, .. } = self.sealed(last).await?;
        let log_id = self.store.log_id();
        let proved = tokio::task::spawn_blocking(move || {
            let prove = |event: RecordedEvent| {
                let proof = proof(&folder, event.place, size)?;
                let entry = BASE64_STANDARD.encode(event.fixed_record(log_id));
                Ok(ProvedEvent { event, entry, proof })
            };
            wanted.into_iter().map(prove).collect::<Result<Vec<_>, SealError>>()
        });
        let events = proved.await.map_err(|_| SealError::Closed)??;
        Ok(Proved { checkpoint: note, handovers, events })
    }

    /// The newest tree that has the event, for which it waits a little.
    async fn sealed(&self, wanted: Place) -> Result<Sealed, Unproved> {
        let mut shown = self
            .shown
            .get(usize::from(wanted.partition.0))
            .cloned()
            .ok_or(Unproved::Unread(SealError::Closed))?;
        let has = |sealed: &Option<Sealed>| {
            sealed.as_ref().is_some_and(|sealed| sealed.size >= wanted.position.0)
        };
        let waited = tokio::time::timeout(WAIT_MAX, shown.wait_for(has)).await;
        if let Ok(Ok(sealed)) = &waited
            && let Some(sealed) = sealed.as_ref()
        {
            return Ok(sealed.clone());
        }
        drop(waited);
        let reached = shown.borrow().as_ref().map(|sealed| sealed.size).unwrap_or_default();
        let reached = Place { position: log_record::Position(reached), ..wanted };
        Err(Unproved::NotSealed { wanted, reached })
    }
}

fn proof(folder: &TreeFolder, place: Place, size: u64) -> Result<Vec<TreeHash>, SealError> {
    let unread = SealError::file(folder.path());
    let index = place.position.0.saturating_sub(1);
    let proof = inclusion(index, size, |level, index| subtree(folder, level, index));
    Ok(proof.map_err(unread)?.unwrap_or_default())
}

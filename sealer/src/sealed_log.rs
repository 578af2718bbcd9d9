//! What whoever keeps a partition's checkpoints elsewhere is told, and asks.

use std::path::PathBuf;

use event_store::EventStore;
use log_record::Position;
use tokio::sync::{mpsc, watch};
use transparency::{Checkpoint, Note};

use crate::blocking::blocking;
use crate::sealed::Sealed;
use crate::signed::{Signed, signed_by};
use crate::tree_files::root_at;
use crate::{SealError, SealFolder, SigningKeys};

/// A partition whose newest checkpoint is told.
#[derive(Debug)]
pub struct SealedLog {
    store: EventStore,
    keys: SealFolder,
    shown: watch::Receiver<Option<Sealed>>,
    found: mpsc::Sender<SealError>,
    /// The note that was given last.
    given: Option<String>,
}

/// A checkpoint that the log may go on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewestCheckpoint {
    /// The origin: which log, generation and partition.
    pub origin: String,
    /// How many events it has.
    pub size: u64,
    /// The signed note.
    pub note: String,
}

/// What a checkpoint that was kept elsewhere says of this log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is none of this tree's.
    OfAnother,
    /// The log goes on from it.
    Beginning,
    /// It has more events than are sealed here.
    Ahead,
    /// It shows another history, and sealing has stopped.
    Rewritten,
}

impl SealedLog {
    pub(crate) const fn new(
        store: EventStore,
        keys: SealFolder,
        shown: watch::Receiver<Option<Sealed>>,
        found: mpsc::Sender<SealError>,
    ) -> Self {
        Self { store, keys, shown, found, given: None }
    }

    /// The newest checkpoint, once there is one that wasn't given before; nothing once nothing is
    /// sealed any more.
    pub async fn newest(&mut self) -> Option<NewestCheckpoint> {
        loop {
            let newest = self.shown.borrow_and_update().clone();
            if let Some(Sealed { origin, size, note, .. }) = newest
                && self.given.as_ref() != Some(&note)
            {
                self.given = Some(note.clone());
                return Some(NewestCheckpoint { origin: origin.to_string(), size, note });
            }
            self.shown.changed().await.ok()?;
        }
    }

    /// Compares a checkpoint that was kept at `place` with what is sealed. Another history stops
    /// sealing, because nobody may sign both. Waits until something is sealed.
    pub async fn compare(&self, note: &str, place: &str) -> Result<Kept, SealError> {
        let mut shown = self.shown.clone();
        let sealed = shown.wait_for(Option::is_some).await.ok().and_then(|it| it.clone());
        let sealed = sealed.ok_or(SealError::Closed)?;
        let Ok(note) = note.parse::<Note>() else { return Ok(Kept::OfAnother) };
        let Ok(checkpoint) = Checkpoint::of(&note) else { return Ok(Kept::OfAnother) };
        if checkpoint.origin != sealed.origin {
            return Ok(Kept::OfAnother);
        }
        let (keys, origin) = (self.keys.clone(), sealed.origin);
        // Anyone may have put it there.
        let verify = move || signed_by(&note, &origin, SigningKeys::load(&keys)?.all());
        if !blocking(verify).await? {
            return Ok(Kept::OfAnother);
        }
        let signed = Signed { checkpoint, file: PathBuf::from(place) };
        if signed.checkpoint.size > sealed.size {
            let (partition, last) = (sealed.origin.partition, Position(signed.checkpoint.size));
            let is_there = self.store.head_past(partition, last).await?.position >= last;
            return Ok(if is_there { Kept::Ahead } else { self.stop(signed.forked()) });
        }
        let size = signed.checkpoint.size;
        let root = blocking(move || root_at(&sealed.folder, size)).await?;
        let is_beginning = root == signed.checkpoint.root;
        Ok(if is_beginning { Kept::Beginning } else { self.stop(signed.forked()) })
    }

    /// Lets sealing stop.
    fn stop(&self, forked: SealError) -> Kept {
        // One that is told already says as much.
        drop(self.found.try_send(forked));
        Kept::Rewritten
    }
}

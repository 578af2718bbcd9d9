//! Which keys sign a log's checkpoints, from the auditor's key on.
//!
//! A key's last checkpoint names the next key, and is kept under `handover/1`, `handover/2` and so
//! on. Who knows one key can follow to the present one, and sees which sizes each may sign.

use log_record::Generation;

use super::{Files, Finding, ReadFile, checkpoint_of};
use crate::{Checkpoint, Note, Origin, VerifierKey};

/// How many handovers are asked for at most: whoever is checked may answer for ever.
const HANDOVERS_MAX: u32 = 1_000;

/// The keys, from the auditor's on, with the sizes that each may sign.
pub(crate) struct Signers {
    origin: Origin,
    keys: Vec<Signer>,
    handovers: Vec<Checkpoint>,
}

struct Signer {
    public: [u8; 32],
    /// Where it took over: the generation and the size.
    first: (Generation, u64),
    /// Where it handed over.
    last: Option<(Generation, u64)>,
}

impl Signers {
    /// The auditor's key alone. `path` is of this log, and the key must be, too.
    pub(crate) fn new(key: &VerifierKey, path: &str, log: &Origin) -> Result<Self, Finding> {
        let origin: Origin = key.name().parse().map_err(|_| Finding::KeyName(key.name().into()))?;
        check_log(path, &origin, log)?;
        let first = Signer { public: key.public(), first: (Generation(0), 0), last: None };
        Ok(Self { origin, keys: vec![first], handovers: vec![] })
    }

    /// The keys to which a log's files lead.
    pub(super) async fn follow<R>(
        key: &VerifierKey,
        log: &Origin,
        files: &mut Files<'_, R>,
    ) -> Result<Self, Finding>
    where
        R: AsyncFnMut(&str) -> Result<Option<Vec<u8>>, ReadFile>,
    {
        let mut signers = Self::new(key, super::CHECKPOINT, log)?;
        for number in 1..=HANDOVERS_MAX {
            let path = format!("handover/{number}");
            let Some(note) = files.note(&path).await? else { break };
            signers.take_over(&path, &note)?;
        }
        Ok(signers)
    }

    /// Goes on to the next key, where the note is the last of the present one.
    pub(crate) fn take_over(&mut self, path: &str, note: &Note) -> Result<(), Finding> {
        let checkpoint = checkpoint_of(note, path)?;
        check_log(path, &self.origin, &checkpoint.origin)?;
        let Some(present) = self.keys.last_mut() else { return Ok(()) };
        let key = VerifierKey::new(checkpoint.origin.to_string(), present.public)?;
        // Those before the auditor's key.
        if !note.bears(&key) {
            return Ok(());
        }
        note.verify(&key).map_err(|source| Finding::Note { path: path.into(), source })?;
        let Some(next) = &checkpoint.next_key else { return Ok(()) };
        let at = (checkpoint.origin.generation, checkpoint.size);
        present.last = Some(at);
        let public = next.public();
        self.keys.push(Signer { public, first: at, last: None });
        self.handovers.push(checkpoint);
        Ok(())
    }

    /// Checks that the newest checkpoint isn't older than what the keys signed when they handed
    /// over.
    pub(super) fn check_handovers(&self, newest: &Checkpoint) -> Result<(), Finding> {
        let at = |it: &Checkpoint| (it.origin.generation, it.size);
        let newest = at(newest);
        match self.handovers.iter().map(at).max().filter(|handover| *handover > newest) {
            Some(handover) => Err(Finding::BeforeHandover { newest, handover }),
            None => Ok(()),
        }
    }

    /// Checks that one of the keys signed the checkpoint while it was in use, and gives it.
    pub(crate) fn check(
        &self,
        path: &str,
        note: &Note,
        checkpoint: &Checkpoint,
    ) -> Result<VerifierKey, Finding> {
        check_log(path, &self.origin, &checkpoint.origin)?;
        let at = (checkpoint.origin.generation, checkpoint.size);
        let mut wrong = None;
        for signer in self.keys.iter().rev() {
            let key = VerifierKey::new(checkpoint.origin.to_string(), signer.public)?;
            match note.verify(&key) {
                Ok(()) if signer.first <= at && signer.last.is_none_or(|last| at <= last) => {
                    return Ok(key);
                }
                Ok(()) => {
                    wrong = Some(Finding::OutsideRange {
                        path: path.into(),
                        key: Box::new(key),
                        size: checkpoint.size,
                        first: signer.first.1,
                        last: signer.last.map_or(u64::MAX, |(_, size)| size),
                    });
                }
                Err(source) if wrong.is_none() || note.bears(&key) => {
                    wrong = Some(Finding::Note { path: path.into(), source });
                }
                Err(_) => {}
            }
        }
        Err(wrong.unwrap_or_else(|| Finding::KeyName(self.origin.to_string())))
    }

    /// The roots that the keys signed when they handed over, in this generation of the log.
    pub(super) fn roots(&self, newest: &Checkpoint) -> Vec<(Checkpoint, String)> {
        let same = self.handovers.iter().filter(|it| it.origin == newest.origin);
        let what =
            |it: &Checkpoint| (it.clone(), "a checkpoint that hands over to a key".to_owned());
        same.map(what).collect()
    }
}

/// Checks that both are the same log's and partition's. The generation may be another.
fn check_log(path: &str, expected: &Origin, found: &Origin) -> Result<(), Finding> {
    let of = |origin: &Origin| (origin.log_id, origin.partition);
    if of(expected) == of(found) {
        return Ok(());
    }
    Err(Finding::OtherLog { path: path.into(), found: *found, expected: *expected })
}

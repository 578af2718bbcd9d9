//! Witnesses: how many of them must have signed a checkpoint, and which did.
//!
//! A witness signs a checkpoint only if the tree goes on from the one that it signed before. So
//! whoever demands the signatures of enough witnesses sees the tree that they saw, and needs to
//! keep no checkpoint.

use std::collections::BTreeSet;

use super::{Files, Finding, ReadFile};
use crate::{Note, VerifierKey};

/// Where a log's newest checkpoint is that witnesses signed, below its prefix.
const COSIGNED: &str = "cosigned";

/// Witnesses, and how many of them must have signed.
#[derive(Clone, Debug, Default)]
pub struct Quorum {
    /// Their keys.
    pub witnesses: Vec<VerifierKey>,
    /// How many are enough.
    pub needed: usize,
}

/// A checkpoint that enough witnesses signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// The size of its tree.
    pub size: u64,
    /// Who signed, and when, in seconds since 1970.
    pub by: Vec<(VerifierKey, u64)>,
}

impl Quorum {
    /// Reads the checkpoint that witnesses signed, where any is needed.
    pub(super) async fn read<R>(&self, files: &mut Files<'_, R>) -> Result<Option<Note>, Finding>
    where
        R: AsyncFnMut(&str) -> Result<Option<Vec<u8>>, ReadFile>,
    {
        if self.witnesses.is_empty() {
            return Ok(None);
        }
        let missing = || Finding::Missing { path: COSIGNED.into(), positions: None };
        files.note(COSIGNED).await?.ok_or_else(missing).map(Some)
    }

    /// Counts who signed. A witness with two names counts once.
    pub(super) fn check(&self, note: &Note, size: u64) -> Result<Cosigned, Finding> {
        let signed = self.witnesses.iter();
        let signed = signed.filter_map(|key| Some((key.clone(), note.cosigned_at(key).ok()?)));
        let by: Vec<(VerifierKey, u64)> = signed.collect();
        let count = by.iter().map(|(key, _)| key.public()).collect::<BTreeSet<_>>().len();
        if count >= self.needed {
            return Ok(Cosigned { size, by });
        }
        let signed_by = by.into_iter().map(|(key, _)| key.name().into()).collect();
        Err(Finding::TooFewWitnesses { path: COSIGNED.into(), needed: self.needed, signed_by })
    }
}

//! The codes of an offer: coupons, vouchers, keys, of which each is handed out at most once.
//!
//! The state has no code. Of each it has a hash under a key that nobody has but the ledger's store,
//! by which a code is known again, and the place of the event whose private text has the code
//! (`docs/decisions/0073-codes.md`).

use std::collections::BTreeSet;
use std::fmt;

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use log_record::{Position, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::Units;
use crate::state::table_bytes;

/// How many codes an offer may have had: a million take some 60 MB of memory.
pub const CODES_OF_OFFER_MAX: u64 = 1_000_000;

/// A code in 16 bytes: the first of its hash under the ledger's key. It is of its offer alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CodeHash(pub [u8; 16]);

impl CodeHash {
    /// What a list of codes is known by.
    #[must_use]
    pub fn of_all<'a>(hashes: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut hash = Sha256::new();
        for CodeHash(bytes) in hashes {
            hash.update(bytes);
        }
        let mut first = [0; 16];
        first.copy_from_slice(&hash.finalize()[..16]);
        Self(first)
    }
}

impl fmt::Display for CodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for CodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The codes of an offer, in the order in which they are handed out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodePool {
    /// Each with the event that has it. It is written as a list of pairs, for a hash can't be a key
    /// in every format.
    #[serde(with = "indexmap::map::serde_seq")]
    codes: IndexMap<CodeHash, Position, RandomState>,
    /// How many were handed out: the first ones.
    handed_out: usize,
    /// Those of them that came back from a partition where nobody was shown them.
    unseen: BTreeSet<Position>,
}

impl CodePool {
    /// How many codes there have been.
    #[must_use]
    pub fn count(&self) -> Units {
        Units::sum_of(self.codes.len() as u64).unwrap_or_default()
    }

    /// How many are left.
    #[must_use]
    pub fn left(&self) -> Units {
        let left = self.codes.len().saturating_sub(self.handed_out) + self.unseen.len();
        Units::sum_of(left as u64).unwrap_or_default()
    }

    /// Whether the offer has had this code.
    #[must_use]
    pub fn has(&self, hash: CodeHash) -> bool {
        self.codes.contains_key(&hash)
    }

    /// The event that has the code which is handed out next; nothing where none is left.
    #[must_use]
    pub fn next_code(&self) -> Option<Position> {
        self.after_next(0)
    }

    /// The event that has the code which is handed out after so many others.
    #[must_use]
    pub(crate) fn after_next(&self, others: usize) -> Option<Position> {
        let unseen = self.unseen.iter().nth(others).copied();
        unseen.or_else(|| {
            let index = self.handed_out + others.checked_sub(self.unseen.len())?;
            self.codes.get_index(index).map(|(_, at)| *at)
        })
    }

    /// About how many bytes it has allocated.
    pub(crate) fn allocated_bytes(&self) -> usize {
        table_bytes(&self.codes) + self.unseen.len() * size_of::<Position>() * 3 / 2
    }

    /// A code comes into the pool, behind all others.
    pub(crate) fn add(&mut self, hash: CodeHash, at: Position) -> Result<(), &'static str> {
        if self.codes.len() as u64 >= CODES_OF_OFFER_MAX {
            return Err("I22: an offer has more codes than it may");
        }
        let is_new = self.codes.insert(hash, at).is_none();
        is_new.then_some(()).ok_or("I22: a code came into the pool twice")
    }

    /// A code is handed out, for good.
    pub(crate) fn hand_out(&mut self, at: Position) -> Result<(), &'static str> {
        if self.next_code() != Some(at) {
            return Err("I22: a code is handed out in its turn, and once");
        }
        if !self.unseen.remove(&at) {
            self.handed_out += 1;
        }
        Ok(())
    }

    /// A code that was handed out to another partition comes back: nobody was shown it.
    pub(crate) fn take_back(&mut self, at: Position) -> Result<(), &'static str> {
        let index = self.codes.binary_search_by(|_, other| other.cmp(&at));
        let is_out = index.is_ok_and(|index| index < self.handed_out);
        if !is_out || !self.unseen.insert(at) {
            return Err("I22: a code came back that wasn't out");
        }
        Ok(())
    }
}

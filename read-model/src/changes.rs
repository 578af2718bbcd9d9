//! Which accounts a batch has changed, so that a cached read is known to be current.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use domain::AccountId;
use log_record::{Partition, Position};

use crate::Checkpoint;

/// How many marks there are: half a megabyte. Where two accounts share a mark, a change of one also
/// ends the cached read of the other.
const MARKS: usize = 1 << 16;

/// Up to which position each account's rows have changed, reported by the projector in this
/// process.
///
/// Marks are raised after the rows are committed and before their position is published. So a read
/// as of a position that isn't below the account's mark saw the newest rows, and a reader that has
/// waited for a position sees every mark up to there.
#[derive(Debug)]
pub struct Changes {
    partition: Partition,
    /// Counts the changes that concern all accounts.
    era: AtomicU64,
    recorded_at: AtomicI64,
    /// By an account's hash: the position of the batch that touched it last.
    marks: Box<[AtomicU64]>,
    hasher: RandomState,
}

impl Changes {
    /// Nothing has changed in a partition since a checkpoint.
    #[must_use]
    pub fn since(partition: Partition, checkpoint: &Checkpoint) -> Self {
        Self {
            partition,
            era: AtomicU64::new(0),
            recorded_at: AtomicI64::new(checkpoint.recorded_at),
            marks: (0..MARKS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The partition whose changes these are.
    #[must_use]
    pub const fn partition(&self) -> Partition {
        self.partition
    }

    /// The current era; a reader takes it before a read that it may cache.
    #[must_use]
    pub fn era(&self) -> u64 {
        self.era.load(Ordering::Acquire)
    }

    /// Whether a read of an account, begun in an era and as of a position, is still current.
    #[must_use]
    pub fn has_not_touched(&self, account: &AccountId, era: u64, as_of: Position) -> bool {
        self.marks[self.mark_of(account.as_str())].load(Ordering::Acquire) <= as_of.0
            && self.era() == era
    }

    /// When the last event was recorded, in microseconds.
    #[must_use]
    pub fn recorded_at(&self) -> i64 {
        self.recorded_at.load(Ordering::Acquire)
    }

    /// The mark of an account.
    #[must_use]
    pub fn mark_of(&self, account: &str) -> usize {
        let hash = self.hasher.hash_one(account) % MARKS as u64;
        usize::try_from(hash).unwrap_or_default()
    }

    /// Raises the marks of the accounts that a batch has touched, which ends in this checkpoint.
    pub fn raise(&self, marks: &[usize], checkpoint: &Checkpoint) {
        self.recorded_at.store(checkpoint.recorded_at, Ordering::Release);
        for mark in marks {
            self.marks[*mark].store(checkpoint.position.0, Ordering::Release);
        }
    }

    /// Raises every mark: something that concerns all accounts may have changed, or the tables
    /// have another checkpoint, even an earlier one.
    pub fn raise_all(&self, checkpoint: &Checkpoint) {
        self.era.fetch_add(1, Ordering::AcqRel);
        self.recorded_at.store(checkpoint.recorded_at, Ordering::Release);
        for mark in &self.marks {
            mark.store(checkpoint.position.0, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(position: u64) -> Checkpoint {
        let recorded_at = position.cast_signed() * 10;
        Checkpoint { position: Position(position), recorded_at, ..Checkpoint::START }
    }

    #[test]
    fn the_time_of_the_last_event_is_told_from_the_start() {
        let changes = Changes::since(Partition(0), &at(5));
        assert_eq!(changes.recorded_at(), 50);
        changes.raise(&[], &at(7));
        assert_eq!(changes.recorded_at(), 70);
        changes.raise_all(&at(3));
        assert_eq!(changes.recorded_at(), 30, "the tables went back");
    }

    #[test]
    fn few_accounts_share_a_mark() {
        let changes = Changes::since(Partition(0), &at(5));
        let ids = (0..1_000).map(|number| format!("ann-{number}"));
        let ids = ids.map(|id| id.parse::<AccountId>().expect("an id"));
        let marks: std::collections::HashSet<_> =
            ids.map(|id| changes.mark_of(id.as_str())).collect();
        assert!(marks.len() > 900, "{}", marks.len());
    }

    #[test]
    fn a_read_stands_until_its_account_is_touched() {
        let changes = Changes::since(Partition(0), &at(5));
        let [ann, bob]: [AccountId; 2] = ["ann", "bob"].map(|id| id.parse().expect("an id"));
        let stands = |account, as_of| changes.has_not_touched(account, 0, Position(as_of));
        assert!(stands(&ann, 5));
        changes.raise(&[changes.mark_of(ann.as_str())], &at(7));
        let is_beside = changes.mark_of(ann.as_str()) != changes.mark_of(bob.as_str());
        assert_eq!((stands(&ann, 5), stands(&bob, 5)), (false, is_beside));
        assert!(stands(&ann, 7), "it was read after the change");
    }

    #[test]
    fn what_changes_everything_ends_every_read_though_the_tables_go_back() {
        let changes = Changes::since(Partition(0), &at(5));
        let ann: AccountId = "ann".parse().expect("an id");
        changes.raise(&[changes.mark_of(ann.as_str())], &at(9));
        changes.raise_all(&at(3));
        assert!(!changes.has_not_touched(&ann, 0, Position(9)));
        assert!(changes.has_not_touched(&ann, changes.era(), Position(3)));
    }
}

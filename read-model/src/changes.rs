//! Which accounts a batch has changed, so that a cached read is known to be current.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use domain::AccountId;
use log_record::{Place, Position};

use crate::Checkpoint;

/// How many marks there are: half a megabyte. Where two accounts share a mark, a change of one also
/// ends the cached read of the other.
const MARKS: usize = 1 << 16;

/// Up to which position the rows of each account of a partition have changed, reported by the
/// projector in this process.
///
/// Marks are raised after the rows are committed and before their position is published. So a read
/// as of a position that isn't below the account's mark saw the newest rows, and a reader that has
/// waited for a position sees every mark up to there.
#[derive(Debug)]
pub struct Changes {
    /// Counts the changes that concern all accounts.
    era: AtomicU64,
    recorded_at: AtomicI64,
    /// By an account's hash: the position of the batch that touched it last.
    marks: Box<[AtomicU64]>,
    hasher: RandomState,
}

impl Changes {
    /// Nothing has changed since a checkpoint.
    #[must_use]
    pub fn since(checkpoint: &Checkpoint) -> Self {
        Self {
            era: AtomicU64::new(0),
            recorded_at: AtomicI64::new(checkpoint.recorded_at),
            marks: (0..MARKS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }

    fn era(&self) -> u64 {
        self.era.load(Ordering::Acquire)
    }

    /// Whether an account was last touched at a position or before it.
    fn has_not_touched_since(&self, account: &AccountId, as_of: Position) -> bool {
        self.marks[self.mark_of(account.as_str())].load(Ordering::Acquire) <= as_of.0
    }

    fn recorded_at(&self) -> i64 {
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

/// The changes of all partitions of a log.
#[derive(Clone, Debug)]
pub struct LogChanges(Arc<[Arc<Changes>]>);

impl LogChanges {
    /// Those of each partition, in their order; nothing where nobody reports any.
    #[must_use]
    pub fn of(partitions: Vec<Arc<Changes>>) -> Option<Self> {
        (!partitions.is_empty()).then(|| Self(partitions.into()))
    }

    /// Whether they tell of the partition of a place.
    #[must_use]
    pub fn has(&self, place: &Place) -> bool {
        usize::from(place.partition.0) < self.0.len()
    }

    /// The current era, which each change ends that concerns all accounts, in whatever partition; a
    /// reader takes it before a read that it may cache.
    #[must_use]
    pub fn era(&self) -> u64 {
        self.0.iter().map(|changes| changes.era()).sum()
    }

    /// Whether a read of an account, begun in an era and as of a position of the account's
    /// partition, is still current.
    #[must_use]
    pub fn has_not_touched(&self, account: &AccountId, era: u64, as_of: Position) -> bool {
        let partitions = u16::try_from(self.0.len()).unwrap_or(u16::MAX);
        let changes = self.0.get(usize::from(account.partition(partitions).0));
        changes.is_some_and(|changes| changes.has_not_touched_since(account, as_of))
            && self.era() == era
    }

    /// When the last event was recorded, in microseconds.
    #[must_use]
    pub fn recorded_at(&self) -> i64 {
        self.0.iter().map(|changes| changes.recorded_at()).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn since(checkpoints: &[Checkpoint]) -> (Vec<Arc<Changes>>, LogChanges) {
        let partitions: Vec<Arc<Changes>> =
            checkpoints.iter().map(|at| Arc::new(Changes::since(at))).collect();
        let all = LogChanges::of(partitions.clone()).expect("of some partitions");
        (partitions, all)
    }

    fn at(position: u64) -> Checkpoint {
        let recorded_at = position.cast_signed() * 10;
        Checkpoint { position: Position(position), recorded_at, ..Checkpoint::START }
    }

    #[test]
    fn the_time_of_the_last_event_is_told_from_the_start() {
        let (partitions, changes) = since(&[at(5)]);
        assert_eq!(changes.recorded_at(), 50);
        partitions[0].raise(&[], &at(7));
        assert_eq!(changes.recorded_at(), 70);
        partitions[0].raise_all(&at(3));
        assert_eq!(changes.recorded_at(), 30, "the tables went back");
    }

    #[test]
    fn few_accounts_share_a_mark() {
        let changes = Changes::since(&at(5));
        let ids = (0..1_000).map(|number| format!("ann-{number}"));
        let ids = ids.map(|id| id.parse::<AccountId>().expect("an id"));
        let marks: std::collections::HashSet<_> =
            ids.map(|id| changes.mark_of(id.as_str())).collect();
        assert!(marks.len() > 900, "{}", marks.len());
    }

    #[test]
    fn a_read_stands_until_its_account_is_touched() {
        let (partitions, all) = since(&[at(5)]);
        let [ann, bob]: [AccountId; 2] = ["ann", "bob"].map(|id| id.parse().expect("an id"));
        let stands = |account, as_of| all.has_not_touched(account, 0, Position(as_of));
        assert!(stands(&ann, 5));
        let changes = &partitions[0];
        changes.raise(&[changes.mark_of(ann.as_str())], &at(7));
        let is_beside = changes.mark_of(ann.as_str()) != changes.mark_of(bob.as_str());
        assert_eq!((stands(&ann, 5), stands(&bob, 5)), (false, is_beside));
        assert!(stands(&ann, 7), "it was read after the change");
    }

    #[test]
    fn what_changes_everything_ends_every_read_though_the_tables_go_back() {
        let (partitions, all) = since(&[at(5)]);
        let ann: AccountId = "ann".parse().expect("an id");
        let changes = &partitions[0];
        changes.raise(&[changes.mark_of(ann.as_str())], &at(9));
        changes.raise_all(&at(3));
        assert!(!all.has_not_touched(&ann, 0, Position(9)));
        assert!(all.has_not_touched(&ann, all.era(), Position(3)));
    }

    #[test]
    fn a_change_in_another_partition_ends_a_read_only_where_it_concerns_all() {
        let (partitions, all) = since(&[at(5), at(8)]);
        let ann: AccountId = "ann".parse().expect("an id");
        let own = usize::from(ann.partition(2).0);
        let (own, other) = (&partitions[own], &partitions[1 - own]);
        let stands = |as_of| all.has_not_touched(&ann, 0, Position(as_of));
        other.raise(&[other.mark_of(ann.as_str())], &at(90));
        assert!(stands(8), "its partition has another mark");
        own.raise(&[own.mark_of(ann.as_str())], &at(9));
        assert!(!stands(8) && stands(9));
        assert_eq!(all.recorded_at(), 900, "the last event of any");
        other.raise_all(&at(91));
        assert!(!stands(9));
    }
}

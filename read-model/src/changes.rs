//! What a batch has changed, so that a cached read is known to be current; and which ids there are
//! none of, so that nobody looks for them.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use domain::{AccountId, OfferId};
use log_record::{Partition, Place, Position};
use parking_lot::RwLock;

use crate::known_ids::KnownIds;
use crate::{AsOf, Checkpoint};

/// How many marks there are: half a megabyte. Where two subjects share a mark, a change of one also
/// ends the cached read of the other.
const MARKS: usize = 1 << 16;

/// For how many ids there is room at least, and at most: some 50 MB. Of more ids, more are looked
/// for in vain.
const ROOM_MIN: usize = 100_000;
const ROOM_MAX: usize = 25_600_000;

/// How much more room a filter gets that is full.
const ROOM_GROWS: usize = 4;

/// What a cached read is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject<'a> {
    /// An account's credit.
    Account(&'a str),
    /// An offer, with what all partitions have sold of it.
    Offer(&'a str),
    /// All offers.
    Offers,
}

/// Up to which position the rows of each subject have changed by a partition's events, reported by
/// the projector in this process.
///
/// Marks are raised, and ids noted, after the rows are committed and before their position is
/// published. So a read as of a position that isn't below the subject's mark saw the newest rows,
/// and a reader that has waited for a position sees every mark and every id up to there.
#[derive(Debug)]
pub struct Changes {
    /// Counts the changes that concern all accounts and offers.
    era: AtomicU64,
    recorded_at: AtomicI64,
    /// Up to where all is marked and noted.
    position: AtomicU64,
    /// By a subject's hash: the position of the batch that touched it last.
    marks: Box<[AtomicU64]>,
    /// The ids of this partition's accounts and offers, once somebody has begun to learn them.
    known: RwLock<Option<Arc<KnownIds>>>,
    hasher: RandomState,
}

impl Changes {
    /// Nothing has changed since a checkpoint.
    #[must_use]
    pub fn since(checkpoint: &Checkpoint) -> Self {
        Self {
            era: AtomicU64::new(0),
            recorded_at: AtomicI64::new(checkpoint.recorded_at),
            position: AtomicU64::new(checkpoint.position.0),
            marks: (0..MARKS).map(|_| AtomicU64::new(0)).collect(),
            known: RwLock::new(None),
            hasher: RandomState::new(),
        }
    }

    fn era(&self) -> u64 {
        self.era.load(Ordering::Acquire)
    }

    /// Whether a subject was last touched at a position or before it.
    fn has_not_touched_since(&self, subject: Subject<'_>, as_of: Position) -> bool {
        self.mark(self.hash_of(subject)).load(Ordering::Acquire) <= as_of.0
    }

    fn recorded_at(&self) -> i64 {
        self.recorded_at.load(Ordering::Acquire)
    }

    /// By what a subject is marked and noted.
    #[must_use]
    pub fn hash_of(&self, subject: Subject<'_>) -> u64 {
        self.hasher.hash_one(subject)
    }

    fn mark(&self, hash: u64) -> &AtomicU64 {
        &self.marks[usize::try_from(hash % MARKS as u64).unwrap_or_default()]
    }

    /// Raises the marks of the subjects that a batch has touched, which ends in this checkpoint,
    /// and notes them.
    pub fn raise(&self, touched: &[u64], checkpoint: &Checkpoint) {
        self.recorded_at.store(checkpoint.recorded_at, Ordering::Release);
        if let Some(known) = &*self.known.read() {
            touched.iter().for_each(|hash| known.note(*hash));
        }
        for hash in touched {
            self.mark(*hash).store(checkpoint.position.0, Ordering::Release);
        }
        self.position.store(checkpoint.position.0, Ordering::Release);
    }

    /// Raises every mark: the batch changed something that concerns all accounts.
    pub fn raise_all(&self, touched: &[u64], checkpoint: &Checkpoint) {
        self.end_era(checkpoint);
        self.raise(touched, checkpoint);
    }

    /// The tables have another checkpoint, even an earlier one: all may have changed, and who wrote
    /// them said nothing here of ids.
    pub fn begin_anew(&self, checkpoint: &Checkpoint) {
        *self.known.write() = None;
        self.end_era(checkpoint);
        self.raise(&[], checkpoint);
    }

    fn end_era(&self, checkpoint: &Checkpoint) {
        self.era.fetch_add(1, Ordering::AcqRel);
        for mark in &self.marks {
            mark.store(checkpoint.position.0, Ordering::Release);
        }
    }

    fn has_come_to(&self, position: Position) -> bool {
        self.position.load(Ordering::Acquire) >= position.0
    }

    fn has_none(&self, subject: Subject<'_>) -> bool {
        let known = self.known.read();
        known.as_ref().is_some_and(|known| known.has_none(self.hash_of(subject)))
    }
}

/// The changes of all partitions of a log.
#[derive(Clone, Debug)]
pub struct LogChanges(Arc<[Arc<Changes>]>);

/// Ids that are being learnt: what the projector commits from now on is noted, too.
#[derive(Debug)]
pub struct Learning(Vec<(Arc<Changes>, Arc<KnownIds>)>);

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

    /// Whether all is marked and noted up to a place.
    #[must_use]
    pub fn has_come_to(&self, place: &Place) -> bool {
        let changes = self.in_partition(place.partition);
        changes.is_some_and(|changes| changes.has_come_to(place.position))
    }

    /// The partition that an account lives in.
    #[must_use]
    pub fn partition_of(&self, account: &AccountId) -> Partition {
        account.partition(self.partitions())
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
        let changes = self.in_partition(self.partition_of(account));
        let subject = Subject::Account(account.as_str());
        changes.is_some_and(|changes| changes.has_not_touched_since(subject, as_of))
            && self.era() == era
    }

    /// Likewise of what is read from the rows of all partitions.
    #[must_use]
    pub fn has_not_touched_anywhere(&self, subject: Subject<'_>, era: u64, as_of: &AsOf) -> bool {
        let mut partitions = (0..).map(Partition).zip(self.0.iter());
        partitions.all(|(partition, changes)| {
            changes.has_not_touched_since(subject, as_of.position(partition))
        }) && self.era() == era
    }

    /// When the last event was recorded, in microseconds.
    #[must_use]
    pub fn recorded_at(&self) -> i64 {
        self.0.iter().map(|changes| changes.recorded_at()).max().unwrap_or_default()
    }

    /// That there is no such account: by all events that are projected, if these places are among
    /// them. False where that isn't known, and somebody has to look.
    #[must_use]
    pub fn has_no_account(&self, account: &AccountId, wanted: &[Place]) -> bool {
        let partition = self.partition_of(account);
        self.has_none(partition, Subject::Account(account.as_str()), wanted)
    }

    /// Likewise of an offer.
    #[must_use]
    pub fn has_no_offer(&self, offer: &OfferId, wanted: &[Place]) -> bool {
        self.has_none(offer.home(self.partitions()), Subject::Offer(offer.as_str()), wanted)
    }

    fn has_none(&self, partition: Partition, subject: Subject<'_>, wanted: &[Place]) -> bool {
        wanted.iter().all(|place| self.has_come_to(place))
            && self.in_partition(partition).is_some_and(|changes| changes.has_none(subject))
    }

    /// How many ids are known, about.
    #[must_use]
    pub fn known_ids(&self) -> usize {
        let counts = self.0.iter().map(|changes| {
            let known = changes.known.read();
            known.as_ref().filter(|known| known.is_complete()).map_or(0, |known| known.count())
        });
        counts.sum()
    }

    /// For how many ids there should be room, where somebody has to learn them: they aren't known,
    /// or more have come than there is room for.
    #[must_use]
    pub fn room_wanted(&self) -> Option<usize> {
        let (mut count, mut is_wanted) = (0, false);
        for changes in self.0.iter() {
            match &*changes.known.read() {
                None => is_wanted = true,
                Some(known) => {
                    count += known.count();
                    is_wanted |= !known.is_complete() || known.is_full();
                }
            }
        }
        is_wanted.then_some(count.saturating_mul(ROOM_GROWS))
    }

    /// Begins to learn which ids there are, with room for so many, within limits. Whoever does
    /// reads all that are in the tables from now on, and notes each.
    #[must_use]
    pub fn learn(&self, room: usize) -> Learning {
        let room = room.clamp(ROOM_MIN, ROOM_MAX);
        // A partition may have somewhat more than its share.
        let share = room / self.0.len() * 5 / 4;
        let begin = |changes: &Arc<Changes>| {
            let known = Arc::new(KnownIds::with_room(share, room < ROOM_MAX));
            *changes.known.write() = Some(Arc::clone(&known));
            (Arc::clone(changes), known)
        };
        Learning(self.0.iter().map(begin).collect())
    }

    fn partitions(&self) -> u16 {
        u16::try_from(self.0.len()).unwrap_or(u16::MAX)
    }

    fn in_partition(&self, partition: Partition) -> Option<&Arc<Changes>> {
        self.0.get(usize::from(partition.0))
    }
}

impl Learning {
    /// Notes an account that is in the tables.
    pub fn note_account(&self, account: &AccountId) {
        self.note(account.partition(self.partitions()), Subject::Account(account.as_str()));
    }

    /// Notes an offer that is in the tables.
    pub fn note_offer(&self, offer: &OfferId) {
        self.note(offer.home(self.partitions()), Subject::Offer(offer.as_str()));
    }

    fn note(&self, partition: Partition, subject: Subject<'_>) {
        if let Some((changes, known)) = self.0.get(usize::from(partition.0)) {
            known.note(changes.hash_of(subject));
        }
    }

    /// Whether there are more than there is room for. Then they should be learnt anew.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.iter().any(|(_, known)| known.is_full())
    }

    /// All that are in the tables are noted. Where the tables have changed behind the projector
    /// meanwhile, nobody goes by it.
    pub fn finish(self) {
        self.0.iter().for_each(|(_, known)| known.complete());
    }

    fn partitions(&self) -> u16 {
        u16::try_from(self.0.len()).unwrap_or(u16::MAX)
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

    fn hash_of(changes: &Changes, account: &AccountId) -> u64 {
        changes.hash_of(Subject::Account(account.as_str()))
    }

    #[test]
    fn the_time_of_the_last_event_is_told_from_the_start() {
        let (partitions, changes) = since(&[at(5)]);
        assert_eq!(changes.recorded_at(), 50);
        partitions[0].raise(&[], &at(7));
        assert_eq!(changes.recorded_at(), 70);
        partitions[0].begin_anew(&at(3));
        assert_eq!(changes.recorded_at(), 30, "the tables went back");
    }

    #[test]
    fn few_accounts_share_a_mark() {
        let changes = Changes::since(&at(5));
        let ids = (0..1_000).map(|number| format!("ann-{number}"));
        let ids = ids.map(|id| id.parse::<AccountId>().expect("an id"));
        let marks: std::collections::HashSet<_> =
            ids.map(|id| hash_of(&changes, &id) % MARKS as u64).collect();
        assert!(marks.len() > 900, "{}", marks.len());
    }

    #[test]
    fn a_read_stands_until_its_account_is_touched() {
        let (partitions, all) = since(&[at(5)]);
        let [ann, bob]: [AccountId; 2] = ["ann", "bob"].map(|id| id.parse().expect("an id"));
        let stands = |account, as_of| all.has_not_touched(account, 0, Position(as_of));
        assert!(stands(&ann, 5));
        let changes = &partitions[0];
        changes.raise(&[hash_of(changes, &ann)], &at(7));
        let mark = |account| hash_of(changes, account) % MARKS as u64;
        let is_beside = mark(&ann) != mark(&bob);
        assert_eq!((stands(&ann, 5), stands(&bob, 5)), (false, is_beside));
        assert!(stands(&ann, 7), "it was read after the change");
    }

    #[test]
    fn what_changes_everything_ends_every_read_though_the_tables_go_back() {
        let (partitions, all) = since(&[at(5)]);
        let ann: AccountId = "ann".parse().expect("an id");
        let changes = &partitions[0];
        changes.raise(&[hash_of(changes, &ann)], &at(9));
        changes.begin_anew(&at(3));
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
        other.raise(&[hash_of(other, &ann)], &at(90));
        assert!(stands(8), "its partition has another mark");
        own.raise(&[hash_of(own, &ann)], &at(9));
        assert!(!stands(8) && stands(9));
        assert_eq!(all.recorded_at(), 900, "the last event of any");
        other.raise_all(&[], &at(91));
        assert!(!stands(9));
    }

    /// Ann is in the tables.
    fn learnt(changes: &LogChanges) -> AccountId {
        let ann: AccountId = "ann".parse().expect("an id");
        let learning = changes.learn(0);
        learning.note_account(&ann);
        learning.finish();
        ann
    }

    #[test]
    fn an_account_is_unknown_up_to_where_the_projector_is_and_no_further() {
        let (partitions, changes) = since(&[at(5), at(8)]);
        let dan: AccountId = "dan".parse().expect("an id");
        assert!(!changes.has_no_account(&dan, &[]), "nobody has looked");
        let ann = learnt(&changes);
        let home = dan.partition(2);
        let place = |position| [Place { partition: home, position: Position(position) }];
        let own = &partitions[usize::from(home.0)];
        let reached = own.position.load(Ordering::Acquire);
        assert!(!changes.has_no_account(&ann, &[]));
        assert!(changes.has_no_account(&dan, &[]) && changes.has_no_account(&dan, &place(reached)));
        assert!(!changes.has_no_account(&dan, &place(reached + 1)), "it may be there by then");
        own.raise(&[hash_of(own, &dan)], &at(reached + 1));
        assert!(!changes.has_no_account(&dan, &[]) && changes.room_wanted().is_none());
        assert_eq!(changes.known_ids(), 2);
    }

    #[test]
    fn what_came_while_ids_were_learnt_is_known_and_other_tables_are_learnt_anew() {
        let (partitions, changes) = since(&[at(5)]);
        let [ann, dan]: [AccountId; 2] = ["ann", "dan"].map(|id| id.parse().expect("an id"));
        let (own, learning) = (&partitions[0], changes.learn(0));
        own.raise_all(&[hash_of(own, &dan)], &at(6));
        assert!(!changes.has_no_account(&ann, &[]), "not all are noted");
        learning.finish();
        assert!(changes.has_no_account(&ann, &[]) && !changes.has_no_account(&dan, &[]));
        let learning = changes.learn(0);
        own.begin_anew(&at(9));
        learning.finish();
        assert!(!changes.has_no_account(&ann, &[]) && changes.room_wanted().is_some());
    }

    #[test]
    fn more_ids_than_there_is_room_for_are_learnt_anew_with_more() {
        let (partitions, changes) = since(&[at(5)]);
        learnt(&changes);
        let many: Vec<u64> = (0..u64::try_from(ROOM_MIN).expect("few") * 3 / 2).collect();
        let own = &partitions[0];
        let hashes: Vec<u64> = many.iter().map(|id| own.hasher.hash_one(id)).collect();
        own.raise(&hashes, &at(6));
        let room = changes.room_wanted().expect("it is full");
        assert!(room > 4 * ROOM_MIN && !changes.learn(room).is_full());
    }

    #[test]
    fn a_read_of_an_offer_ends_with_a_sale_in_any_partition() {
        let (partitions, changes) = since(&[at(5), at(8)]);
        let (mug, as_of) = (Subject::Offer("mug"), AsOf::default());
        // As of no event, so every mark is above it.
        assert!(changes.has_not_touched_anywhere(mug, 0, &as_of), "nothing is marked");
        let other = &partitions[1];
        other.raise(&[other.hash_of(Subject::Offers)], &at(9));
        assert!(!changes.has_not_touched_anywhere(Subject::Offers, 0, &as_of));
        other.raise(&[other.hash_of(mug)], &at(10));
        assert!(!changes.has_not_touched_anywhere(mug, 0, &as_of));
    }
}

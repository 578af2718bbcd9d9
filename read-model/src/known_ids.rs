//! Which ids there may be, in few bytes each: a Bloom filter. What isn't in it isn't in the tables;
//! of the others, about three in a thousand aren't there either.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fastbloom::AtomicBloomFilter;

/// So many bits make three mistakes of a thousand questions, with as many ids as there is room for.
const BITS_FOR_EACH: usize = 12;

/// Ids, by their hashes.
#[derive(Debug)]
pub(crate) struct KnownIds {
    filter: AtomicBloomFilter,
    room: usize,
    /// Whether others may have more room.
    may_grow: bool,
    /// How many there are, about.
    count: AtomicUsize,
    /// Whether all are in it that were in the tables when it was made.
    is_complete: AtomicBool,
}

impl KnownIds {
    /// None so far, with room for so many.
    pub(crate) fn with_room(room: usize, may_grow: bool) -> Self {
        let room = room.max(1);
        let filter = AtomicBloomFilter::with_num_bits(room * BITS_FOR_EACH).expected_items(room);
        let (count, is_complete) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { filter, room, may_grow, count, is_complete }
    }

    pub(crate) fn note(&self, hash: u64) {
        if !self.filter.insert_hash(hash) {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// That there is none with this hash, once all are in it.
    pub(crate) fn has_none(&self, hash: u64) -> bool {
        self.is_complete.load(Ordering::Acquire) && !self.filter.contains_hash(hash)
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether it makes more mistakes than others would that have more room.
    pub(crate) fn is_full(&self) -> bool {
        self.may_grow && self.count() > self.room
    }

    pub(crate) fn complete(&self) {
        self.is_complete.store(true, Ordering::Release);
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, RandomState};

    use super::*;

    #[test]
    fn of_a_hundred_thousand_ids_that_there_are_none_of_few_are_taken_for_known() {
        const IDS: usize = 50_000;
        let (hasher, known) = (RandomState::new(), KnownIds::with_room(IDS, true));
        let ids: Vec<u64> = (0..IDS).map(|id| hasher.hash_one(id)).collect();
        ids.iter().for_each(|hash| known.note(*hash));
        assert!(!known.has_none(hasher.hash_one("nobody")), "not all are noted");
        known.complete();
        assert!(!ids.iter().any(|hash| known.has_none(*hash)), "each of them is known");
        let unknown = (0..2 * IDS).map(|id| hasher.hash_one(("unknown", id)));
        let mistakes = unknown.filter(|hash| !known.has_none(*hash)).count();
        assert!(mistakes < IDS / 100, "{mistakes}");
        assert!(known.count() > IDS * 99 / 100 && !known.is_full(), "{}", known.count());
    }
}

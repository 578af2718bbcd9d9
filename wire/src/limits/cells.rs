//! Where the buckets of shoppers, keys and addresses stand: in a fixed number of cells, so that no
//! crowd makes them take more memory.
//!
//! A bucket is one number, the time at which it is full again. A bucket that is full is as good as
//! none. So a new one takes the place of that among eight which is full first: of an idle one as
//! long as there is one, and then of the one that loses least. Nobody is refused for lack of room.

use std::convert::Infallible;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::Arc;

use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use parking_lot::Mutex;

/// How many locks share the cells. There are 262,144 cells, in 4 MiB. A shopper's bucket of 5 in
/// 10 s is full again 2 s after an attempt, so 20,000 shoppers a second, each of them new, take up
/// 40,000.
const STRIPES: usize = 256;

/// How many sets of cells a lock has.
const SETS: usize = 128;

/// Among how many cells a bucket's place is.
const WAYS: usize = 8;

/// Whose the bucket is, by a hash, and when it is full again, in nanoseconds. An array of zeros is
/// memory that isn't touched until it is used.
type Cell = [u64; 2];

/// Cells under one lock, in sets: a key stands in one of its set's.
type Stripe = Box<[[Cell; WAYS]]>;

/// The cells of a process.
#[derive(Debug)]
pub(super) struct Cells {
    /// A hash that nobody outside can foresee: two callers share a bucket by chance alone, of one
    /// in 2^46 for a newcomer among all that there is room for.
    seed: RandomState,
    stripes: Box<[Mutex<Stripe>]>,
}

impl Cells {
    pub(super) fn new() -> Self {
        let stripe = || Mutex::new(vec![[[0; 2]; WAYS]; SETS].into_boxed_slice());
        Self { seed: RandomState::new(), stripes: (0..STRIPES).map(|_| stripe()).collect() }
    }

    /// The key of somebody's bucket.
    pub(super) fn key(&self, of: impl Hash) -> u64 {
        self.seed.hash_one(of)
    }

    fn measure<T, E>(
        &self,
        key: u64,
        measure: impl Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
        is_kept: bool,
    ) -> Result<T, E> {
        let (stripe, set) = places(key);
        let mut stripe = self.stripes.get(stripe).map(Mutex::lock);
        let set = stripe.as_mut().and_then(|stripe| stripe.get_mut(set));
        let set = set.map_or(&mut [][..], |set| &mut set[..]);
        let known = set.iter().position(|[of, _]| *of == key);
        let cell = match known {
            Some(known) => set.get_mut(known),
            None => set.iter_mut().min_by_key(|[_, full_at]| *full_at),
        };
        let full_at = cell.as_ref().filter(|_| known.is_some()).map(|[_, full_at]| *full_at);
        let (measured, next) = measure(full_at.map(Nanos::from))?;
        if let Some(cell) = cell.filter(|_| is_kept) {
            *cell = [key, next.into()];
        }
        Ok(measured)
    }
}

/// The numbers of a key's stripe and of its set there. What isn't used for it tells keys apart.
fn places(key: u64) -> (usize, usize) {
    let [stripe, set, ..] = key.to_le_bytes();
    (usize::from(stripe), usize::from(set) % SETS)
}

/// Where a limit keeps its buckets. A clone keeps the same ones.
#[derive(Clone, Debug)]
pub(super) enum Store {
    /// One for each key.
    Each(Arc<Cells>),
    /// The same, looked at only: whoever asks takes nothing out of a bucket.
    Seen(Arc<Cells>),
    /// One for all.
    One(Arc<InMemoryState>),
    /// The same, looked at only.
    OneSeen(Arc<InMemoryState>),
}

impl Store {
    /// The same buckets, looked at only.
    pub(super) fn seen(&self) -> Self {
        match self {
            Self::Each(cells) | Self::Seen(cells) => Self::Seen(Arc::clone(cells)),
            Self::One(bucket) | Self::OneSeen(bucket) => Self::OneSeen(Arc::clone(bucket)),
        }
    }
}

impl StateStore for Store {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        match self {
            Self::Each(cells) => cells.measure(*key, measure, true),
            Self::Seen(cells) => cells.measure(*key, measure, false),
            Self::One(bucket) => bucket.measure_and_replace(&NotKeyed::NonKey, measure),
            Self::OneSeen(bucket) => {
                // An error replaces nothing.
                let look = |full_at| Err::<(Infallible, _), _>(measure(full_at));
                match bucket.measure_and_replace(&NotKeyed::NonKey, look) {
                    Err(measured) => measured.map(|(measured, _)| measured),
                    Ok(never) => match never {},
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::num::NonZeroU32;
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;
    use governor::middleware::StateInformationMiddleware;
    use governor::{Quota, RateLimiter};

    use super::*;

    const CELLS_MAX: usize = STRIPES * SETS * WAYS;

    struct Limited {
        cells: Arc<Cells>,
        clock: FakeRelativeClock,
        limiter: RateLimiter<u64, Store, FakeRelativeClock, StateInformationMiddleware>,
        seen: RateLimiter<u64, Store, FakeRelativeClock, StateInformationMiddleware>,
    }

    /// Five in ten seconds.
    fn limited() -> Limited {
        let (cells, clock) = (Arc::new(Cells::new()), FakeRelativeClock::default());
        let five = NonZeroU32::new(5).expect("five");
        let quota = Quota::with_period(Duration::from_secs(2)).expect("a time").allow_burst(five);
        let limiter = |store| RateLimiter::new(quota, store, clock.clone());
        let (limiter, seen) =
            (limiter(Store::Each(Arc::clone(&cells))), limiter(Store::Seen(Arc::clone(&cells))));
        Limited { cells, clock, limiter, seen }
    }

    impl Limited {
        /// How many of ten calls at once of this one are let in.
        fn of_ten(&self, of: &str) -> usize {
            let key = self.cells.key(of);
            (0..10).filter(|_| self.limiter.check_key(&key).is_ok()).count()
        }
    }

    #[test]
    fn each_has_a_bucket_that_fills_up_again() {
        let limited = limited();
        assert_eq!((limited.of_ten("ann"), limited.of_ten("bob")), (5, 5));
        assert_eq!(limited.of_ten("ann"), 0);
        limited.clock.advance(Duration::from_secs(4));
        assert_eq!(limited.of_ten("ann"), 2);
        limited.clock.advance(Duration::from_secs(10));
        assert_eq!(limited.of_ten("ann"), 5);
    }

    #[test]
    fn whoever_only_looks_takes_nothing() {
        let limited = limited();
        let ann = limited.cells.key("ann");
        assert!((0..10).all(|_| limited.seen.check_key(&ann).is_ok()));
        assert_eq!(limited.of_ten("ann"), 5);
        limited.seen.check_key(&ann).expect_err("the bucket is empty");
    }

    #[test]
    fn a_crowd_that_has_passed_by_leaves_no_trace_and_takes_no_more_room() {
        let limited = limited();
        for of in 0..2 * CELLS_MAX {
            assert!(limited.limiter.check_key(&limited.cells.key(of)).is_ok());
        }
        assert_eq!(limited.of_ten("ann"), 5, "who comes late has a whole bucket");
        let cells = limited.cells.stripes.iter().map(|stripe| stripe.lock().as_flattened().len());
        assert_eq!(cells.sum::<usize>(), CELLS_MAX);
        assert_eq!(size_of::<Cell>() * CELLS_MAX, 4 * 1_024 * 1_024);
    }

    #[test]
    fn an_idle_bucket_goes_before_one_in_use() {
        let limited = limited();
        for of in 0..20_000 {
            limited.limiter.check_key(&limited.cells.key(of)).expect("the first of each");
        }
        limited.clock.advance(Duration::from_secs(2));
        assert_eq!(limited.of_ten("ann"), 5);
        for of in 20_000..100_000 {
            limited.limiter.check_key(&limited.cells.key(of)).expect("the first of each");
        }
        assert_eq!(limited.of_ten("ann"), 0, "hers isn't full again, and others are");
    }

    #[test]
    fn keys_are_spread_over_all_cells() {
        let cells = Cells::new();
        let sets: HashSet<_> = (0..1_000_000).map(|of| places(cells.key(of))).collect();
        assert_eq!(sets.len(), STRIPES * SETS);
    }
}

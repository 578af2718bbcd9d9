//! What is kept in memory, so that a million readers of one thing read it once: balances
//! (`cache/balances.rs`), what everybody is shown of offers (`cache/offers.rs`), and which ids
//! there are none of (`cache/known.rs`). `cache/warm.rs` reads before anybody asks.
//!
//! Only where the projector runs in this process and reports its changes: what is kept ends with a
//! change of it. It ends at its own time, too: lives differ, so entries that were read together
//! don't end together. While an operator has reads answered from memory only, what was kept last is
//! answered however old it is, and says so.

mod balances;
mod known;
mod offers;
mod warm;

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::AGE;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use domain::SwitchName;
use log_record::Place;
use quick_cache::sync::{Cache, EntryAction, EntryResult};
use quick_cache::{UnitWeighter, Weighter};
use tokio::time::{Instant, timeout};
use wire::Problem;

use crate::metrics::Answers;

pub(crate) use balances::Balance;
pub(crate) use offers::PublicRead;
pub use warm::keep_warm;

/// How long somebody waits for what another one reads.
const LOAD_WAIT_MAX: Duration = Duration::from_secs(10);

/// What tells a client whether an answer should have been read again (RFC 9211).
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// All that is kept.
#[derive(Debug)]
pub(crate) struct Caches {
    balances: balances::Balances,
    offers: offers::PublicAnswers,
}

impl Caches {
    pub(crate) fn new() -> Self {
        Self { balances: balances::empty(), offers: offers::empty() }
    }
}

/// What was loaded by its key, for as long as it stands.
#[derive(Debug)]
struct Kept<K, V, W = UnitWeighter> {
    entries: Cache<K, Arc<Loaded<V>>, W>,
    /// What was kept of keys that are being loaded anew, or couldn't be: as much again at most.
    aside: Cache<K, Arc<Loaded<V>>, W>,
    life_max: Duration,
}

/// What was loaded, when, and until when it may be kept.
#[derive(Debug)]
struct Loaded<V> {
    value: V,
    at: Instant,
    until: Instant,
}

impl<V> Loaded<V> {
    /// Tells how old an answer is that is given for its being there: since when it was read, and
    /// for how long it is as good as ever, or isn't any more.
    fn tell_age(&self, answer: &mut Response) {
        let now = Instant::now();
        let left = self.until.saturating_duration_since(now).as_secs();
        let past = now.saturating_duration_since(self.until);
        let ttl =
            if past.is_zero() { left.to_string() } else { format!("-{}", past.as_secs() + 1) };
        let status = format!("guerdon; hit; ttl={ttl}; detail={}", SwitchName::CachedReadsOnly);
        let age = now.saturating_duration_since(self.at).as_secs();
        answer.headers_mut().insert(AGE, HeaderValue::from(age));
        if let Ok(status) = HeaderValue::from_str(&status) {
            answer.headers_mut().insert(CACHE_STATUS, status);
        }
    }
}

impl<V> Deref for Loaded<V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.value
    }
}

impl<K, V, W> Kept<K, V, W>
where
    K: Clone + Eq + Hash,
    W: Weighter<K, Arc<Loaded<V>>> + Clone,
{
    /// Keeps things for so long at most, in as much memory as a cache has.
    fn of(cache: impl Fn() -> Cache<K, Arc<Loaded<V>>, W>, life_max: Duration) -> Self {
        Self { entries: cache(), aside: cache(), life_max }
    }

    /// What is kept under a key, if it stands, or what is loaded. The first to find that it doesn't
    /// stand loads it; all others that ask for it meanwhile wait for that one load. What has
    /// changed since then matters to those alone who want a position.
    async fn get(
        &self,
        key: &K,
        wanted: &[Place],
        answers: &Answers,
        stands: impl Fn(&V) -> bool,
        load: impl Future<Output = Result<V, Problem>>,
    ) -> Result<Arc<Loaded<V>>, Problem> {
        let asked = Instant::now();
        let stands = |kept: &Loaded<V>| Instant::now() < kept.until && stands(&kept.value);
        if let Some(kept) = self.entries.get(key).filter(|kept| stands(kept)) {
            answers.kept.inc();
            return Ok(kept);
        }
        let entry = self.entries.entry_async(key, |_, kept: &mut Arc<Loaded<V>>| {
            if stands(kept) || (kept.at >= asked && wanted.is_empty()) {
                EntryAction::Retain(Arc::clone(kept))
            } else {
                self.aside.insert(key.clone(), Arc::clone(kept));
                EntryAction::ReplaceWithGuard
            }
        });
        match timeout(LOAD_WAIT_MAX, entry).await {
            Ok(EntryResult::Retained(kept)) => {
                answers.kept.inc();
                Ok(kept)
            }
            Ok(EntryResult::Vacant(place) | EntryResult::Replaced(place, _)) => {
                answers.loaded.inc();
                let until = Instant::now() + life(self.life_max);
                let loaded = Arc::new(Loaded { value: load.await?, at: Instant::now(), until });
                // Before others can put this one aside.
                self.aside.remove(key);
                // Only somebody who removed the place could mind.
                drop(place.insert(Arc::clone(&loaded)));
                Ok(loaded)
            }
            // If all of those who wait read for themselves, the database would never answer.
            Ok(EntryResult::Removed(..) | EntryResult::Timeout) | Err(_) => {
                Err(Problem::read_model_unreachable())
            }
        }
    }
}

impl<K, V, W> Kept<K, V, W>
where
    K: Clone + Eq + Hash,
    W: Weighter<K, Arc<Loaded<V>>> + Clone,
{
    /// What was kept under a key last, however old it is, and whether or not it is being loaded
    /// anew. Nothing is loaded.
    fn last(&self, key: &K) -> Option<Arc<Loaded<V>>> {
        let aside = || self.aside.get(key);
        // It may be on its way from one to the other.
        aside().or_else(|| self.entries.get(key)).or_else(aside)
    }

    /// Puts what is made of something that was kept in its place, as old as that.
    fn make_last(&self, key: &K, of: &Loaded<V>, value: V) -> Arc<Loaded<V>> {
        let made = Arc::new(Loaded { value, at: of.at, until: of.until });
        self.aside.insert(key.clone(), Arc::clone(&made));
        made
    }
}

/// A life from three fourths of the longest to the whole of it, another one each time.
fn life(longest: Duration) -> Duration {
    const STEPS: u32 = 1_024;
    let random = RandomState::new().hash_one(0) % u64::from(STEPS);
    longest - longest / 4 * u32::try_from(random).unwrap_or_default() / STEPS
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::join_all;
    use log_record::{Partition, Position};

    use super::*;

    fn empty(life_max: Duration) -> Kept<u32, u32> {
        Kept::of(|| Cache::new(10_000), life_max)
    }

    #[tokio::test]
    async fn what_is_loaded_together_is_loaded_again_spread_out() {
        const KEYS: u32 = 4_000;
        let kept = empty(Duration::from_secs(10));
        let (answers, begun) = (Answers::default(), Instant::now());
        let load = async |key: u32| {
            let loaded = kept.get(&key, &[], &answers, |_| true, async { Ok(key) }).await;
            loaded.expect("loaded").until
        };
        let ends: Vec<Instant> = join_all((0..KEYS).map(load)).await;
        let took = begun.elapsed();
        let mut tenths = [0; 10];
        for end in ends {
            let life = end - begun;
            assert!(life >= Duration::from_millis(7_500), "{life:?}");
            assert!(life <= Duration::from_secs(10) + took, "{life:?}");
            let tenth = (life.as_millis() - 7_500) / 250;
            tenths[usize::try_from(tenth).expect("few").min(9)] += 1;
        }
        let most = KEYS / 8 + KEYS * u32::try_from(took.as_millis()).expect("few") / 2_500;
        assert!(tenths.iter().all(|ends| *ends < most), "{tenths:?}");
    }

    /// It is outdated as soon as it is there.
    #[tokio::test]
    async fn all_who_wait_for_a_load_take_it_but_those_who_want_a_position() {
        let kept = empty(Duration::from_secs(60));
        let (answers, loads) = (Answers::default(), AtomicU32::new(0));
        let place = [Place { partition: Partition(0), position: Position(7) }];
        let ask = async |wanted: &[Place]| {
            let load = async {
                tokio::task::yield_now().await;
                Ok(loads.fetch_add(1, Ordering::Relaxed))
            };
            kept.get(&7, wanted, &answers, |_| false, load).await.expect("loaded").value
        };
        join_all((0..10_000).map(|_| ask(&[]))).await;
        assert_eq!(loads.swap(0, Ordering::Relaxed), 1);
        join_all((0..10).map(|_| ask(&place))).await;
        assert_eq!(loads.load(Ordering::Relaxed), 10);
    }

    #[tokio::test]
    async fn what_cannot_be_loaded_anew_is_there_still_for_those_who_take_what_is_old() {
        let kept = empty(Duration::ZERO);
        let answers = Answers::default();
        let load = async |value| kept.get(&7, &[], &answers, |_| true, async { value }).await;
        assert!(kept.last(&7).is_none());
        load(Ok(1)).await.expect("loaded");
        for _ in 0..2 {
            load(Err(Problem::internal())).await.expect_err("it can't be loaded");
            assert_eq!(kept.last(&7).expect("it is aside").value, 1);
        }
        let hangs = kept.get(&7, &[], &answers, |_| true, std::future::pending());
        timeout(Duration::from_millis(10), hangs).await.expect_err("it hangs");
        let old = kept.last(&7).expect("it is aside");
        assert_eq!(kept.make_last(&7, &old, 2).at, old.at);
        assert_eq!(kept.last(&7).expect("it is aside").value, 2);
        load(Ok(3)).await.expect("loaded");
        assert_eq!(kept.last(&7).expect("it is kept").value, 3);
        assert!(kept.aside.get(&7).is_none(), "nothing is aside that is kept");
    }

    #[test]
    fn an_old_answer_says_how_old_it_is() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        for (age, life, told) in [(0, 9, "ttl=8;"), (36, 1, "ttl=-36;"), (3, 9, "ttl=5;")] {
            let at = now.checked_sub(second * age).expect("a time");
            let mut answer = Response::default();
            Loaded { value: (), at, until: at + second * life }.tell_age(&mut answer);
            assert_eq!(answer.headers()[AGE], age.to_string());
            let status = answer.headers()[CACHE_STATUS].to_str().expect("a text");
            assert!(status.contains(told) && status.ends_with("=cached-reads-only"), "{status}");
        }
    }

    #[tokio::test]
    async fn a_load_that_fails_or_is_given_up_is_made_by_the_next_who_waits() {
        let kept = empty(Duration::from_secs(60));
        let (answers, loads) = (Answers::default(), AtomicU32::new(0));
        let ask = async || {
            let load = async {
                let load = loads.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                if load == 0 { Err(Problem::internal()) } else { Ok(load) }
            };
            kept.get(&7, &[], &answers, |_| true, load).await.map(|loaded| loaded.value).ok()
        };
        let all = join_all((0..10).map(|_| ask())).await;
        let told = all.iter().filter(|answer| **answer == Some(1)).count();
        assert_eq!((told, loads.load(Ordering::Relaxed)), (9, 2), "{all:?}");
    }
}

//! How many may follow messages at once: streams, and pages that wait.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use wire::{Caller, Problem};

/// The most followers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowersMax {
    /// With one key.
    pub of_key: usize,
    /// Of this process.
    pub of_all: usize,
}

impl Default for FollowersMax {
    /// A warehouse needs one, and a key may be used by many warehouses. So many who read nothing
    /// were measured, and others didn't feel it: docs/operations/connections.md.
    fn default() -> Self {
        Self { of_key: 64, of_all: 1_024 }
    }
}

/// Who follows at the moment.
#[derive(Debug, Default)]
pub(crate) struct Followers {
    counts: Mutex<Counts>,
    gauge: Gauge,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_key: HashMap<Follower, usize>,
}

/// The key and the subject: many tokens are signed with one key.
type Follower = (Option<Box<str>>, Option<Box<str>>);

/// A follower's place among the others, which it leaves when this is dropped.
#[derive(Debug)]
pub struct Turn {
    of: Arc<Followers>,
    key: Follower,
}

impl Followers {
    /// None as yet; the gauge shows how many there are.
    pub(crate) fn shown_by(gauge: Gauge) -> Self {
        Self { counts: Mutex::default(), gauge }
    }

    /// Lets one more follow.
    pub(crate) fn admit(
        self: &Arc<Self>,
        caller: &Caller,
        max: FollowersMax,
    ) -> Result<Turn, Problem> {
        let key = (caller.principal.key.clone(), caller.principal.subject.clone());
        let mut counts = self.counts.lock();
        if counts.all >= max.of_all {
            return Err(Problem::too_many_followers("all", max.of_all));
        }
        if counts.by_key.get(&key).is_some_and(|count| *count >= max.of_key) {
            return Err(Problem::too_many_followers("key", max.of_key));
        }
        counts.all += 1;
        *counts.by_key.entry(key.clone()).or_default() += 1;
        self.gauge.inc();
        Ok(Turn { of: Arc::clone(self), key })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut counts = self.of.counts.lock();
        counts.all -= 1;
        self.of.gauge.dec();
        let left = counts.by_key.get_mut(&self.key).map(|count| {
            *count -= 1;
            *count
        });
        if left == Some(0) {
            counts.by_key.remove(&self.key);
        }
    }
}

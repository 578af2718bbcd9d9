//! One limit: its quota, the buckets of those whom it limits, and what its headers say.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::{NotUntil, RateLimiter};

use super::cells::{Cells, Store};
use super::problem::rate_limited;
use super::quota::Quota;
use crate::Problem;

/// What a caller may still do, as draft-ietf-httpapi-ratelimit-headers has it.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// What it may do at all.
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

type Buckets = RateLimiter<u64, Store, MachineClock, StateInformationMiddleware>;

/// A limit. It counts calls, and knows no caller.
#[derive(Debug)]
pub(super) struct Policy {
    of: &'static str,
    what: &'static str,
    quota: Quota,
    /// Where the buckets are, and by which clock they fill.
    store: Store,
    clock: MachineClock,
    buckets: Buckets,
    /// The same buckets, looked at only.
    seen: Buckets,
    cells: Arc<Cells>,
    /// `"shopper-redemptions"`, a text of structured fields.
    name: String,
    /// `"shopper-redemptions";q=5;w=10`.
    header: HeaderValue,
    refused: Arc<AtomicU64>,
}

/// Somebody's bucket of a limit.
pub(super) struct Bucket<'a> {
    policy: &'a Policy,
    key: u64,
}

/// What a caller may still do, for the answer's headers.
#[derive(Clone, Debug)]
pub(crate) struct Allowance {
    policy: HeaderValue,
    left: HeaderValue,
}

/// The time since this process made it. It never goes back.
#[derive(Clone, Copy, Debug)]
struct MachineClock(Instant);

impl Clock for MachineClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

impl Policy {
    /// A limit with a bucket for each one of these, for what they do.
    pub(super) fn of_each(
        of: &'static str,
        what: &'static str,
        quota: Quota,
        cells: &Arc<Cells>,
    ) -> Self {
        Self::new(of, what, quota, cells, Store::Each(Arc::clone(cells)))
    }

    /// A limit with one bucket for all of them.
    pub(super) fn of_all(
        of: &'static str,
        what: &'static str,
        quota: Quota,
        cells: &Arc<Cells>,
    ) -> Self {
        Self::new(of, what, quota, cells, Store::One(Arc::default()))
    }

    fn new(
        of: &'static str,
        what: &'static str,
        quota: Quota,
        cells: &Arc<Cells>,
        store: Store,
    ) -> Self {
        let name = format!("\"{of}-{what}\"");
        let header = header(&name, quota);
        let clock = MachineClock(Instant::now());
        let (seen, buckets) =
            (buckets(quota, store.seen(), clock), buckets(quota, store.clone(), clock));
        let (cells, refused) = (Arc::clone(cells), Arc::default());
        Self { of, what, quota, store, clock, buckets, seen, cells, name, header, refused }
    }

    /// The same limit with so many percent of its quota. Both have the same buckets.
    pub(super) fn scaled(&self, percent: u16) -> Self {
        let Self { of, what, ref store, clock, ref cells, ref name, ref refused, .. } = *self;
        let quota = self.quota.scaled(percent);
        Self {
            of,
            what,
            quota,
            store: store.clone(),
            clock,
            buckets: buckets(quota, store.clone(), clock),
            seen: buckets(quota, store.seen(), clock),
            cells: Arc::clone(cells),
            name: name.clone(),
            header: header(name, quota),
            refused: Arc::clone(refused),
        }
    }

    /// The bucket of this one.
    pub(super) fn bucket(&self, of: impl Hash) -> Bucket<'_> {
        Bucket { policy: self, key: self.cells.key((&*self.name, of)) }
    }

    fn refuse(&self, not_until: &NotUntil<Nanos>) -> Problem {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let wait = not_until.wait_time_from(self.buckets.clock().now());
        let problem = rate_limited(self.of, self.what, self.quota, wait);
        let Allowance { policy, left } = self.allowance(0, wait);
        problem.header(RATE_LIMIT_POLICY, policy).header(RATE_LIMIT, left)
    }

    /// The next call comes back within this time.
    fn allowance(&self, left: u32, next: Duration) -> Allowance {
        let left = format!("{};r={left};t={}", self.name, whole_seconds(next));
        let left = HeaderValue::try_from(left).unwrap_or(HeaderValue::from_static(""));
        Allowance { policy: self.header.clone(), left }
    }

    /// Whom it limits, what they do, and how often it has refused that.
    pub(super) fn refusals(&self) -> (&'static str, &'static str, u64) {
        (self.of, self.what, self.refused.load(Ordering::Relaxed))
    }
}

impl Bucket<'_> {
    /// Takes one call out of it; or says when there is one again.
    pub(super) fn take(self) -> Result<Allowance, Problem> {
        let Self { policy, key } = self;
        match policy.buckets.check_key(&key) {
            Ok(left) => {
                Ok(policy.allowance(left.remaining_burst_capacity(), policy.quota.interval()))
            }
            Err(not_until) => Err(policy.refuse(&not_until)),
        }
    }

    /// Refuses what `take` would refuse, and takes nothing.
    pub(super) fn look(&self) -> Result<(), Problem> {
        let Self { policy, key } = self;
        policy.seen.check_key(key).map(drop).map_err(|not_until| policy.refuse(&not_until))
    }
}

/// A limit on what turns out only when it is done: so it is looked at before, and counted after.
#[derive(Debug)]
pub(super) struct LatePolicy(Policy);

impl LatePolicy {
    pub(super) fn of_each(
        of: &'static str,
        what: &'static str,
        quota: Quota,
        cells: &Arc<Cells>,
    ) -> Self {
        Self(Policy::of_each(of, what, quota, cells))
    }

    /// Refuses whoever has an empty bucket.
    pub(super) fn check(&self, of: impl Hash) -> Result<(), Problem> {
        self.0.bucket(of).look()
    }

    /// Takes one out of the bucket, if there is one.
    pub(super) fn count(&self, of: impl Hash) {
        let Bucket { policy, key } = self.0.bucket(of);
        drop(policy.buckets.check_key(&key));
    }

    pub(super) fn refusals(&self) -> (&'static str, &'static str, u64) {
        self.0.refusals()
    }
}

impl Allowance {
    /// Adds it to an answer, unless that says one itself.
    pub(crate) fn add_to(&self, headers: &mut HeaderMap) {
        if !headers.contains_key(RATE_LIMIT) {
            headers.insert(RATE_LIMIT_POLICY, self.policy.clone());
            headers.insert(RATE_LIMIT, self.left.clone());
        }
    }
}

/// `"shopper-redemptions";q=5;w=10`.
fn header(name: &str, quota: Quota) -> HeaderValue {
    let header = format!("{name};q={};w={}", quota.calls(), quota.seconds());
    // Words, digits and marks are a header's value.
    HeaderValue::try_from(header).unwrap_or(HeaderValue::from_static(""))
}

fn buckets(quota: Quota, store: Store, clock: MachineClock) -> Buckets {
    let interval = quota.interval();
    // It is a microsecond at least.
    let every = governor::Quota::with_period(interval);
    let every = every.unwrap_or(governor::Quota::per_second(quota.calls()));
    RateLimiter::new(every.allow_burst(quota.calls()), store, clock)
}

/// So many seconds that the time is over then.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

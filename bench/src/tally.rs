//! What was answered, and how long it took.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::histogram::Histogram;
use crate::requests::{ExchangeId, Requests};

/// The status of a request that was never sent, for all before it took too long.
const UNSENT: u16 = 0;

#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Answers that count.
    pub(crate) wanted: u64,
    /// All others, by status.
    pub(crate) errors: BTreeMap<u16, u64>,
    pub(crate) latencies: Histogram,
    /// How many were answered 201 in all, also before and after the time that counts.
    pub(crate) accepted_in_all: u64,
    /// Of an open loop: which of those that count were accepted when.
    pub(crate) accepted: Vec<(ExchangeId, Instant)>,
}

impl Tally {
    pub(crate) fn add(&mut self, requests: Requests, status: u16, latency: Duration) {
        if requests.is_wanted(status) {
            self.wanted += 1;
        } else {
            *self.errors.entry(status).or_default() += 1;
        }
        self.latencies.add(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn unsent(&mut self, late: Duration) {
        *self.errors.entry(UNSENT).or_default() += 1;
        self.latencies.add(u64::try_from(late.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.wanted += other.wanted;
        for (status, count) in &other.errors {
            *self.errors.entry(*status).or_default() += count;
        }
        self.latencies.merge(&other.latencies);
        self.accepted_in_all += other.accepted_in_all;
        self.accepted.extend(&other.accepted);
    }
}

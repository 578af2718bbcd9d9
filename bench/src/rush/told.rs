//! What the crowd was answered.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use crate::histogram::Histogram;

/// How many contradictions are kept.
const CONTRADICTIONS_MAX: usize = 5;

/// Counts, and what was created.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// Shoppers who came.
    pub(super) shoppers: u64,
    pub(super) asked: u64,
    /// Answers by their status.
    pub(super) statuses: BTreeMap<u16, u64>,
    /// Requests whose connection broke.
    pub(super) broken: u64,
    /// Answers that were decided, by the second after the opening.
    pub(super) decided: BTreeMap<u64, u64>,
    /// When the first and the last exchange was answered, after the opening.
    pub(super) first: Option<Duration>,
    pub(super) last: Option<Duration>,
    /// From the time at which a request was planned to its answer.
    pub(super) latencies: Histogram,
    /// The same of those that were decided.
    pub(super) decided_latencies: Histogram,
    /// The exchanges that were answered, by account and id.
    pub(super) created: HashSet<(String, String)>,
    /// Answers that don't go together; a few of them.
    pub(super) contradictions: Vec<String>,
}

impl Told {
    pub(super) fn hears(&mut self, status: u16, planned: Instant, opens: Instant) {
        let now = Instant::now();
        let micros = u64::try_from((now - planned).as_micros()).unwrap_or(u64::MAX);
        *self.statuses.entry(status).or_default() += 1;
        self.latencies.add(micros);
        if !matches!(status, 200 | 201 | 409) {
            return;
        }
        self.decided_latencies.add(micros);
        let Some(after) = now.checked_duration_since(opens) else { return };
        *self.decided.entry(after.as_secs()).or_default() += 1;
        if status == 201 {
            self.first = Some(self.first.map_or(after, |first| first.min(after)));
            self.last = self.last.max(Some(after));
        }
    }

    pub(super) fn contradicts(&mut self, what: String) {
        if self.contradictions.len() < CONTRADICTIONS_MAX {
            self.contradictions.push(what);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.shoppers += other.shoppers;
        self.asked += other.asked;
        self.broken += other.broken;
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (second, count) in other.decided {
            *self.decided.entry(second).or_default() += count;
        }
        self.first = self.first.into_iter().chain(other.first).min();
        self.last = self.last.max(other.last);
        self.latencies.merge(&other.latencies);
        self.decided_latencies.merge(&other.decided_latencies);
        self.created.extend(other.created);
        other.contradictions.into_iter().for_each(|what| self.contradicts(what));
    }

    /// How many were decided in the worst of the whole seconds until the last unit was sold.
    pub(super) fn decided_at_worst(&self) -> Option<u64> {
        let whole = self.last?.as_secs();
        (0..whole).map(|second| self.decided.get(&second).copied().unwrap_or_default()).min()
    }

    /// Answers that a shopper in a rush may get.
    pub(super) fn usual(&self) -> u64 {
        let usual = self.statuses.iter().filter(|(status, _)| is_usual(**status));
        usual.map(|(_, count)| count).sum()
    }
}

/// Whether a shopper in a rush may be answered so.
const fn is_usual(status: u16) -> bool {
    matches!(status, 200 | 201 | 409 | 429 | 503)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_second_is_a_whole_one_before_the_last_unit_was_sold() {
        let decided = BTreeMap::from([(0, 1_900), (1, 1_700), (2, 2_000), (3, 12)]);
        let last = Some(Duration::from_millis(3_100));
        let told = Told { decided, last, ..Told::default() };
        assert_eq!(told.decided_at_worst(), Some(1_700));
        assert_eq!(Told { last: None, ..told.clone() }.decided_at_worst(), None);
        let gap = Told { last: Some(Duration::from_secs(9)), ..told };
        assert_eq!(gap.decided_at_worst(), Some(0), "nothing was decided in some");
    }
}

//! What was counted, by year or month, in few bytes.

use serde::{Deserialize, Serialize};

use crate::tally::Tally;
use crate::{CountPeriod, Window};

/// Counts by year or month, some four bytes each. A count may be below zero, where an adjustment
/// took more than was earned. What no tier can follow from any more is dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Sums(Tally);

impl Sums {
    pub(super) fn iter(&self) -> impl Iterator<Item = (CountPeriod, i64)> {
        let period = |number| CountPeriod(u32::try_from(number).unwrap_or(u32::MAX));
        self.0.entries().map(move |(number, count)| (period(number), signed(count)))
    }

    pub(super) fn of(sums: impl IntoIterator<Item = (CountPeriod, i64)>) -> Self {
        let mut tally = Tally::default();
        for (period, count) in sums {
            tally.set(period.0.into(), unsigned(count));
        }
        Self(tally)
    }

    pub(super) fn get(&self, period: CountPeriod) -> i64 {
        signed(self.0.get(period.0.into()))
    }

    pub(super) fn between(&self, first: CountPeriod, last: CountPeriod) -> i64 {
        let counts = self.iter().filter(|(period, _)| first <= *period && *period <= last);
        counts.fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    pub(super) fn add(&mut self, window: Window, period: CountPeriod, points: i64) {
        let latest = self.iter().map(|(period, _)| period).max().unwrap_or(period).max(period);
        if !window.needs(period, latest) {
            return;
        }
        let count = self.get(period).saturating_add(points);
        self.0.set(period.0.into(), unsigned(count));
        self.0.retain(|number| {
            u32::try_from(number).is_ok_and(|number| window.needs(CountPeriod(number), latest))
        });
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.0.allocated_bytes()
    }
}

/// Small numbers of both signs become small ones: 0, −1, 1, −2 … are 0, 1, 2, 3 …
const fn unsigned(count: i64) -> u64 {
    ((count << 1) ^ (count >> 63)).cast_unsigned()
}

const fn signed(count: u64) -> i64 {
    (count >> 1).cast_signed() ^ -((count & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_what_it_was_of_both_signs() {
        for count in [0, 1, -1, 63, -64, 64, i64::MAX, i64::MIN] {
            assert_eq!(signed(unsigned(count)), count);
        }
    }

    #[test]
    fn only_what_a_tier_can_follow_from_is_kept() {
        let window: Window = Window::Years {
            from: crate::YearFrom::JANUARY,
            years: 2.try_into().expect("years"),
            months: 3.try_into().expect("months"),
        };
        let mut sums = Sums::default();
        for year in 2020..2030 {
            sums.add(window, CountPeriod(year), 5);
        }
        // Too late for a year that is dropped.
        sums.add(window, CountPeriod(2025), -5);
        let kept: Vec<_> = sums.iter().map(|(period, count)| (period.0, count)).collect();
        assert_eq!(kept, [(2026, 5), (2027, 5), (2028, 5), (2029, 5)]);
        let months = |months: u8| months.try_into().expect("months");
        let window = Window::Months { months: months(36), keeps: months(1) };
        let mut sums = Sums::default();
        for month in 0..100 {
            sums.add(window, CountPeriod(24_000 + month), 123_456);
        }
        assert_eq!(sums.iter().count(), 37);
        assert!(sums.allocated_bytes() <= 37 * 5, "{}", sums.allocated_bytes());
        assert_eq!(sums.between(CountPeriod(24_098), CountPeriod(24_200)), 2 * 123_456);
    }
}

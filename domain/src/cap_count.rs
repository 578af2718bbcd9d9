//! What a shopper has earned under a rule's cap, by the cap's periods.
//!
//! The events say which period that is, so that a count never depends on a time zone's data.

use serde::{Deserialize, Serialize};

use crate::tally::Tally;
use crate::{Points, RuleId, Timestamp};

/// How far back a purchase may go by when it happened, at most. So long are the counts of a period
/// kept after its end, and the versions of a rule after they were replaced.
pub const BACKDATE_DAYS_MAX: u16 = 31;

/// A stretch of the calendar in which a cap counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CapPeriod {
    /// From then on.
    pub start: Timestamp,
    /// Before then; without it, for ever.
    pub end: Option<Timestamp>,
}

/// Room under a rule's cap in one of its periods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapRoom {
    /// The rule.
    pub rule_id: RuleId,
    /// The period.
    pub period: CapPeriod,
}

impl CapPeriod {
    /// Whether a purchase that is recorded at `now` or later can still count in it.
    #[must_use]
    pub fn is_kept(self, now: Timestamp) -> bool {
        self.end.is_none_or(|end| end.plus_days(BACKDATE_DAYS_MAX.into()) > now)
    }
}

/// What one rule gave a shopper under its cap. A period takes some eight bytes; there are at most
/// 33 days, three months and two years at a time (as many again for each time that the rule's time
/// zone was changed in them).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct CapCounts(Tally);

/// Where a count comes into being in a period that no calendar has.
pub(crate) const NO_PERIOD: &str =
    "a cap's period begins and ends at whole seconds and lasts two years at most";

impl CapCounts {
    /// What was earned in a period.
    pub(crate) fn get(&self, period: CapPeriod) -> Points {
        let count = number_of(period).map(|number| self.0.get(number));
        count.and_then(Points::sum_of).unwrap_or_default()
    }

    /// Counts points, and drops the counts of periods in which nothing can count any more.
    pub(crate) fn add(&mut self, period: CapPeriod, points: Points, now: Timestamp) -> Option<()> {
        self.0.retain(|number| period_of(number).is_none_or(|period| period.is_kept(now)));
        // A cap is an amount, so at the most of them it is reached for certain.
        let sum = self.get(period).plus(points).unwrap_or(Points::MOST);
        self.0.set(number_of(period)?, sum.get());
        Some(())
    }

    /// Takes points off a count.
    pub(crate) fn give_back(&mut self, period: CapPeriod, points: Points) -> Option<()> {
        let left = self.get(period).minus(points).unwrap_or_default();
        self.0.set(number_of(period)?, left.get());
        Some(())
    }
}

const SECOND: i64 = 1_000_000;

/// The bits of a number that have how many seconds the period lasts; 0 for ever.
const LENGTH_BITS: u32 = 26;

/// A period as a number, by its beginning and how long it lasts.
fn number_of(period: CapPeriod) -> Option<u64> {
    let seconds = |time: Timestamp| {
        let is_whole = time.micros() % SECOND == 0;
        is_whole.then(|| u64::try_from(time.micros() / SECOND).ok())?
    };
    let start = seconds(period.start)?;
    let length = match period.end {
        None => 0,
        Some(end) => seconds(end)?.checked_sub(start).filter(|length| *length > 0)?,
    };
    (length >> LENGTH_BITS == 0).then_some(start << LENGTH_BITS | length)
}

fn period_of(number: u64) -> Option<CapPeriod> {
    let time = |seconds: u64| {
        let seconds = i64::try_from(seconds).ok()?;
        Timestamp::from_micros(seconds.checked_mul(SECOND)?).ok()
    };
    let (start, length) = (number >> LENGTH_BITS, number & ((1 << LENGTH_BITS) - 1));
    let end = if length == 0 { None } else { Some(time(start + length)?) };
    Some(CapPeriod { start: time(start)?, end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{points, time};
    use crate::{Period, TimeZone};

    const DAY: i64 = 24 * 60 * 60;

    fn day(number: i64) -> CapPeriod {
        TimeZone::UTC.period(Period::Day, time(number * DAY))
    }

    #[test]
    fn a_count_is_dropped_once_no_purchase_can_count_in_its_period() {
        let mut counts = CapCounts::default();
        counts.add(day(0), points(5), time(0)).expect("a period");
        // The day ended at 1, and a purchase may be told 31 days late.
        let last = time(32 * DAY - 1);
        counts.add(day(31), points(7), last).expect("a period");
        assert_eq!([counts.get(day(0)), counts.get(day(31))], [points(5), points(7)]);
        counts.add(day(32), points(7), time(32 * DAY)).expect("a period");
        assert_eq!(counts.get(day(0)), Points::ZERO);
        assert_eq!(counts.get(day(31)), points(7));
    }

    #[test]
    fn a_year_of_days_keeps_no_more_than_33_and_few_bytes() {
        let mut counts = CapCounts::default();
        for number in 20_000..20_365 {
            counts.add(day(number), points(500), time(number * DAY)).expect("a period");
        }
        let kept = (20_000..20_365).filter(|number| counts.get(day(*number)) > Points::ZERO);
        assert_eq!(kept.count(), 32);
        let bytes = postcard::to_stdvec(&counts).expect("bytes").len();
        assert!(bytes <= 33 * 9, "{bytes}");
    }

    #[test]
    fn periods_that_begin_together_are_counted_apart() {
        let mut counts = CapCounts::default();
        let new_year = "2027-01-01T00:00:00Z".parse().expect("a time");
        let periods = Period::ALL.map(|period| TimeZone::UTC.period(period, new_year));
        for (number, period) in (1..).zip(periods) {
            counts.add(period, points(number), new_year).expect("a period");
            assert_eq!(number_of(period).and_then(period_of), Some(period));
        }
        assert_eq!(periods.map(|period| counts.get(period).get()), [1, 2, 3, 4]);
        counts.give_back(periods[1], points(2)).expect("a period");
        assert_eq!(periods.map(|period| counts.get(period).get()), [1, 0, 3, 4]);
    }
}

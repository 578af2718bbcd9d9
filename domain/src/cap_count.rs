//! What a shopper has earned under a rule's cap, by the cap's periods.
//!
//! The events say which period that is, so that a count never depends on a time zone's data.

use serde::{Deserialize, Serialize};

use crate::tally::Tally;
use crate::{Period, Points, RuleId, Timestamp};

/// How many days late a purchase may be recorded and still earn by the time when it happened, at
/// most. For so long after a period's end its count is kept, and a version of a rule after its
/// replacement.
pub const BACKDATE_DAYS_MAX: u16 = 31;

/// A stretch of the calendar in which a cap counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapPeriod {
    /// Whether it is a day, a month, a year or all of time.
    pub kind: Period,
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

/// What one rule gave a shopper under its cap. A period is known by its kind and its beginning:
/// its end may be reckoned otherwise later, with newer data of the zone. A period takes some six
/// bytes; there are at most 35 days, three months and two years at a time (as many again for each
/// time that the rule's time zone was changed in them).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct CapCounts(Tally);

/// Where a count comes into being in a period that no calendar has.
pub(crate) const NO_PERIOD: &str = "a cap's period begins at a whole second, before it ends";

impl CapCounts {
    /// What was earned in a period.
    pub(crate) fn get(&self, period: CapPeriod) -> Points {
        let count = number_of(period).map(|number| self.0.get(number));
        count.and_then(Points::sum_of).unwrap_or_default()
    }

    /// Counts points, and drops the counts of periods in which nothing can count any more.
    pub(crate) fn add(&mut self, period: CapPeriod, points: Points, now: Timestamp) -> Option<()> {
        self.0.retain(|number| is_needed(number, now));
        // A cap is an amount, so at the most of them it is reached for certain.
        let sum = self.get(period).plus(points).unwrap_or(Points::MOST);
        self.0.set(number_of(period)?, sum.get());
        Some(())
    }

    /// Each period of which something is counted, and how much; what a period's end is isn't known
    /// any more.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (CapPeriod, Points)> {
        self.0.entries().filter_map(|(number, count)| {
            let second = i64::try_from(number >> 2).ok()?.checked_mul(SECOND)?;
            let start = Timestamp::from_micros(second).ok()?;
            let kind = Period::ALL[(number & 3) as usize];
            Some((CapPeriod { kind, start, end: None }, Points::sum_of(count)?))
        })
    }

    /// Takes points off a count.
    pub(crate) fn give_back(&mut self, period: CapPeriod, points: Points) -> Option<()> {
        let left = self.get(period).minus(points).unwrap_or_default();
        self.0.set(number_of(period)?, left.get());
        Some(())
    }
}

const SECOND: i64 = 1_000_000;

/// A period as a number: the second in which it begins, and its kind in the last two bits.
fn number_of(period: CapPeriod) -> Option<u64> {
    let start = period.start.micros();
    let is_sound = start % SECOND == 0 && period.end.is_none_or(|end| period.start < end);
    let second = u64::try_from(start / SECOND).ok().filter(|_| is_sound)?;
    let kind = Period::ALL.iter().position(|kind| *kind == period.kind)?;
    Some(second << 2 | kind as u64)
}

/// Whether something can still count in the period with this number.
fn is_needed(number: u64, now: Timestamp) -> bool {
    // The longest, wherever clocks are changed, and whatever dates a zone skips.
    let days_max = match Period::ALL[(number & 3) as usize] {
        Period::Day => 2,
        Period::Month => 33,
        Period::Year => 368,
        Period::Ever => return true,
    };
    let start = i64::try_from(number >> 2).ok().and_then(|second| second.checked_mul(SECOND));
    let start = start.and_then(|start| Timestamp::from_micros(start).ok());
    let last = start.map(|start| start.plus_days(days_max + u32::from(BACKDATE_DAYS_MAX)));
    last.is_none_or(|last| now < last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Calendar;
    use crate::scenario::{points, time};

    const DAY: i64 = 24 * 60 * 60;

    fn day(number: i64) -> CapPeriod {
        Calendar::UTC.period(Period::Day, time(number * DAY))
    }

    #[test]
    fn a_count_is_dropped_once_no_purchase_can_count_in_its_period() {
        let mut counts = CapCounts::default();
        counts.add(day(0), points(5), time(0)).expect("a period");
        // The day ended at 1, and a purchase may be told 31 days late.
        let last = time(32 * DAY - 1);
        assert!(day(0).is_kept(last) && !day(0).is_kept(time(32 * DAY)));
        counts.add(day(31), points(7), last).expect("a period");
        assert_eq!([counts.get(day(0)), counts.get(day(31))], [points(5), points(7)]);
        counts.add(day(33), points(7), time(33 * DAY)).expect("a period");
        assert_eq!(counts.get(day(0)), Points::ZERO);
        assert_eq!(counts.get(day(31)), points(7));
    }

    #[test]
    fn a_year_of_days_keeps_few_and_few_bytes() {
        let mut counts = CapCounts::default();
        for number in 20_000..20_365 {
            counts.add(day(number), points(500), time(number * DAY)).expect("a period");
        }
        let kept = (20_000..20_365).filter(|number| counts.get(day(*number)) > Points::ZERO);
        assert!((32..=35).contains(&kept.count()));
        let bytes = postcard::to_stdvec(&counts).expect("bytes").len();
        assert!(bytes <= 35 * 8, "{bytes}");
    }

    #[test]
    fn a_period_is_the_same_though_its_end_is_reckoned_otherwise() {
        let mut counts = CapCounts::default();
        let CapPeriod { kind, start, end } = day(1);
        counts.add(CapPeriod { kind, start, end }, points(5), start).expect("a period");
        let later = end.map(|end| end.plus_days(1));
        assert_eq!(counts.get(CapPeriod { kind, start, end: later }), points(5));
    }

    #[test]
    fn periods_that_begin_together_are_counted_apart() {
        let mut counts = CapCounts::default();
        let new_year = "2027-01-01T00:00:00Z".parse().expect("a time");
        let periods = Period::ALL.map(|period| Calendar::UTC.period(period, new_year));
        for (number, period) in (1..).zip(periods) {
            counts.add(period, points(number), new_year).expect("a period");
        }
        assert_eq!(periods.map(|period| counts.get(period).get()), [1, 2, 3, 4]);
        counts.give_back(periods[1], points(2)).expect("a period");
        assert_eq!(periods.map(|period| counts.get(period).get()), [1, 0, 3, 4]);
    }
}

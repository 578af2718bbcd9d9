//! How many units of an offer one shopper may have in a day, a week and a month, by the calendar of
//! the offer's time zone.
//!
//! The event says in which periods an exchange counts, so that a count never depends on a time
//! zone's data. What was exchanged before an offer had a limit doesn't count towards it.

use std::fmt;

use chrono::{Datelike, Months};
use serde::{Deserialize, Serialize};

use crate::{Calendar, Day, Refusal, Terms, Timestamp, Units};

/// Within what a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitPeriod {
    /// From midnight to midnight.
    Day,
    /// From Monday to Monday.
    Week,
    /// From the first to the first.
    Month,
    /// All of time.
    Ever,
}

/// How many units one shopper may have in each period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodLimits {
    /// In a day.
    pub day: Option<Units>,
    /// In a week.
    pub week: Option<Units>,
    /// In a month.
    pub month: Option<Units>,
}

/// The periods in which an exchange counts, by their first days: those that its offer limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitDays {
    /// The day.
    pub day: Option<Day>,
    /// The week's Monday.
    pub week: Option<Day>,
    /// The month's first.
    pub month: Option<Day>,
}

impl LimitPeriod {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Ever => "ever",
        }
    }

    /// The first day of the period that a day is in; there is none of all of time.
    #[must_use]
    pub fn first(self, day: Day) -> Option<Day> {
        let date = day.date();
        let first = match self {
            Self::Day => Some(date),
            Self::Week => Some(date.week(chrono::Weekday::Mon).first_day()),
            Self::Month => date.with_day(1),
            Self::Ever => None,
        };
        first.map(Day::from)
    }

    /// The first day of the period after the one that begins with this day.
    #[must_use]
    pub fn next(self, first: Day) -> Option<Day> {
        let date = first.date();
        let next = match self {
            Self::Day => date.succ_opt(),
            Self::Week => date.checked_add_days(chrono::Days::new(7)),
            Self::Month => date.checked_add_months(Months::new(1)),
            Self::Ever => None,
        };
        next.map(Day::from)
    }
}

/// As a sentence goes on after "for each shopper".
impl fmt::Display for LimitPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Day => " a day",
            Self::Week => " a week",
            Self::Month => " a month",
            Self::Ever => "",
        })
    }
}

impl PeriodLimits {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Each, the one of the longest period first: what it refuses stays refused longest.
    pub fn iter(&self) -> impl Iterator<Item = (LimitPeriod, Units)> + use<> {
        let Self { day, week, month } = *self;
        let all = [(LimitPeriod::Month, month), (LimitPeriod::Week, week), (LimitPeriod::Day, day)];
        all.into_iter().filter_map(|(period, limit)| Some((period, limit?)))
    }

    /// The periods in which an exchange counts on a day.
    #[must_use]
    pub fn days(&self, day: Day) -> LimitDays {
        let first = |period: LimitPeriod, limit: Option<Units>| limit.and(period.first(day));
        LimitDays {
            day: first(LimitPeriod::Day, self.day),
            week: first(LimitPeriod::Week, self.week),
            month: first(LimitPeriod::Month, self.month),
        }
    }
}

impl LimitDays {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Each, with its first day.
    pub fn iter(&self) -> impl Iterator<Item = (LimitPeriod, Day)> + use<> {
        let Self { day, week, month } = *self;
        let all = [(LimitPeriod::Day, day), (LimitPeriod::Week, week), (LimitPeriod::Month, month)];
        all.into_iter().filter_map(|(period, first)| Some((period, first?)))
    }

    /// The first day of a period that counts.
    #[must_use]
    pub const fn of(&self, period: LimitPeriod) -> Option<Day> {
        match period {
            LimitPeriod::Day => self.day,
            LimitPeriod::Week => self.week,
            LimitPeriod::Month => self.month,
            LimitPeriod::Ever => None,
        }
    }
}

impl Terms {
    /// The periods in which an exchange counts at a time.
    pub(crate) fn limit_days(&self, at: Timestamp) -> Result<LimitDays, Refusal> {
        if self.period_limits.is_empty() {
            return Ok(LimitDays::default());
        }
        Ok(self.period_limits.days(self.calendar()?.day(at)))
    }

    /// When a period's count begins anew, or nothing where it never does.
    pub(crate) fn renews_at(&self, period: LimitPeriod, days: LimitDays) -> Option<Timestamp> {
        let next = period.next(days.of(period)?)?;
        self.calendar().ok().map(|calendar| calendar.start_of_day(next))
    }

    fn calendar(&self) -> Result<Calendar, Refusal> {
        self.time_zone.calendar().map_err(|_| Refusal::TimeZoneUnknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::*;
    use crate::{Command, Terms};

    const MONDAY: &str = "2026-11-30T00:00:00Z";

    fn seconds(text: &str) -> i64 {
        let time: Timestamp = text.parse().expect("a time");
        time.micros() / 1_000_000
    }

    fn limited(zone: &str, [day, week, month]: [Option<u64>; 3]) -> Command {
        let [day, week, month] = [day, week, month].map(|limit| limit.map(units));
        let period_limits = PeriodLimits { day, week, month };
        with_terms(open("mug", 1, None), |terms| Terms {
            period_limits,
            time_zone: id(zone),
            ..terms
        })
    }

    fn shop(zone: &str, limits: [Option<u64>; 3]) -> Scenario {
        given([])
            .at(seconds("2026-11-29T12:00:00Z"))
            .does(limited(zone, limits))
            .does(earn("ann", 500, "B-1"))
            .does(earn("bob", 500, "B-2"))
    }

    #[test]
    fn periods_begin_at_midnight_on_mondays_and_on_the_first() {
        let first = |period: LimitPeriod, day: &str| {
            period.first(day.parse().expect("a day")).map(|day| day.to_string())
        };
        for (period, day, found) in [
            (LimitPeriod::Day, "2026-11-30", "2026-11-30"),
            (LimitPeriod::Week, "2026-11-29", "2026-11-23"),
            (LimitPeriod::Week, "2026-11-30", "2026-11-30"),
            (LimitPeriod::Week, "2027-01-03", "2026-12-28"),
            (LimitPeriod::Month, "2026-11-30", "2026-11-01"),
        ] {
            assert_eq!(first(period, day).as_deref(), Some(found), "{period:?} of {day}");
        }
        assert_eq!(first(LimitPeriod::Ever, "2026-11-30"), None);
    }

    #[test]
    fn a_day_is_full_until_the_microsecond_before_midnight() {
        let midnight = seconds(MONDAY);
        shop("UTC", [Some(2), None, None])
            .does(two("ann", "x-1", "mug"))
            .refuses(redeem("ann", "x-2", "mug"), "shopper-limit-reached")
            .does(redeem("bob", "x-1", "mug"))
            .at_micros(midnight * 1_000_000 - 1)
            .refuses(redeem("ann", "x-2", "mug"), "shopper-limit-reached")
            .at(midnight)
            .does(two("ann", "x-2", "mug"))
            .refuses(redeem("ann", "x-3", "mug"), "shopper-limit-reached");
    }

    #[test]
    fn a_day_begins_when_it_does_in_the_offers_time_zone() {
        shop("Europe/Berlin", [Some(1), None, None])
            .does(redeem("ann", "x-1", "mug"))
            .at_micros(seconds("2026-11-29T23:00:00Z") * 1_000_000 - 1)
            .refuses(redeem("ann", "x-2", "mug"), "shopper-limit-reached")
            .at(seconds("2026-11-29T23:00:00Z"))
            .does(redeem("ann", "x-2", "mug"))
            .at(seconds(MONDAY))
            .refuses(redeem("ann", "x-3", "mug"), "shopper-limit-reached");
    }

    #[test]
    fn the_longest_period_that_is_full_says_when_it_renews() {
        let shop = shop("UTC", [Some(1), Some(2), Some(3)])
            .does(redeem("ann", "x-1", "mug"))
            .refuses_with(redeem("ann", "x-2", "mug"), limit(LimitPeriod::Day, 1, 1, MONDAY))
            .at(seconds(MONDAY))
            .does(redeem("ann", "x-2", "mug"));
        let shop = shop
            .at(seconds("2026-11-30T12:00:00Z"))
            .refuses_with(
                redeem("ann", "x-3", "mug"),
                limit(LimitPeriod::Day, 1, 1, "2026-12-01T00:00:00Z"),
            )
            .at(seconds("2026-12-01T00:00:00Z"))
            .does(redeem("ann", "x-3", "mug"));
        shop.at(seconds("2026-12-02T00:00:00Z"))
            .refuses_with(
                redeem("ann", "x-4", "mug"),
                limit(LimitPeriod::Week, 2, 2, "2026-12-07T00:00:00Z"),
            )
            .at(seconds("2026-12-07T00:00:00Z"))
            .does(redeem("ann", "x-4", "mug"))
            .at(seconds("2026-12-08T00:00:00Z"))
            .does(redeem("ann", "x-5", "mug"))
            .at(seconds("2026-12-14T00:00:00Z"))
            .refuses_with(
                redeem("ann", "x-6", "mug"),
                limit(LimitPeriod::Month, 3, 3, "2027-01-01T00:00:00Z"),
            );
    }

    fn limit(period: LimitPeriod, limit: u64, taken: u64, renews_at: &str) -> Refusal {
        Refusal::ShopperLimitReached {
            limit: units(limit),
            taken: units(taken),
            asked: units(1),
            period,
            renews_at: renews_at.parse().ok(),
        }
    }

    #[test]
    fn what_is_cancelled_makes_room_in_its_own_period() {
        let shop = shop("UTC", [Some(1), None, Some(2)])
            .does(redeem("ann", "x-1", "mug"))
            .does(cancel("ann", "x-1", "c-1", None))
            .does(redeem("ann", "x-2", "mug"))
            .at(seconds(MONDAY))
            .does(redeem("ann", "x-3", "mug"))
            // Of the day before: today stays full.
            .does(cancel("ann", "x-2", "c-1", None))
            .refuses_with(
                redeem("ann", "x-4", "mug"),
                limit(LimitPeriod::Day, 1, 1, "2026-12-01T00:00:00Z"),
            );
        shop.at(seconds("2026-11-30T23:59:59Z"))
            .does(cancel("ann", "x-3", "c-1", None))
            .does(redeem("ann", "x-4", "mug"));
    }

    #[test]
    fn a_limit_counts_what_is_exchanged_since_the_offer_has_it() {
        let terms = |day| PeriodLimits { day: Some(units(day)), ..PeriodLimits::default() };
        let amended = |price, day, read| {
            with_terms(amend("mug", price, None, read), |it| Terms {
                period_limits: terms(day),
                ..it
            })
        };
        given([])
            .does(open("mug", 1, None))
            .does(earn("ann", 500, "B-1"))
            .does(two("ann", "x-1", "mug"))
            .does(amended(1, 1, 1))
            .does(redeem("ann", "x-2", "mug"))
            .refuses(redeem("ann", "x-3", "mug"), "shopper-limit-reached")
            // What was counted stays so.
            .does(amended(1, 2, 2))
            .does(redeem("ann", "x-3", "mug"))
            .refuses(redeem("ann", "x-4", "mug"), "shopper-limit-reached");
    }

    #[test]
    fn a_capture_counts_towards_the_limits_too() {
        shop("UTC", [Some(1), None, None])
            .does(hold("ann", "h-1", 1, seconds("2026-12-02T00:00:00Z")))
            .does(capture_for("ann", "h-1", "x-1", "mug"))
            .refuses(redeem("ann", "x-2", "mug"), "shopper-limit-reached");
    }
}

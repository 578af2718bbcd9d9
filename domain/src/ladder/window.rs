//! In which time a ladder counts, and for how long a tier holds.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Months, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Calendar, Day, Timestamp};

/// Makes a whole number within bounds.
macro_rules! within {
    ($(#[$doc:meta])* $name:ident, $error:ident, $least:literal, $most:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "u8", into = "u8")]
        pub struct $name(u8);

        #[doc = concat!("A number that is not from ", $least, " to ", $most, ".")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        #[error("must be a whole number from {} to {}", $least, $most)]
        pub struct $error;

        impl TryFrom<u8> for $name {
            type Error = $error;

            fn try_from(number: u8) -> Result<Self, $error> {
                if ($least..=$most).contains(&number) { Ok(Self(number)) } else { Err($error) }
            }
        }

        impl From<$name> for u8 {
            fn from(it: $name) -> Self {
                it.0
            }
        }
    };
}

within! {
    /// A number of months, beside the present one.
    WindowMonths, WindowMonthsError, 1_u8, 36_u8
}
within! {
    /// For how many years more a tier holds.
    KeptYears, KeptYearsError, 0_u8, 2_u8
}
within! {
    /// For how many months after the end of a year a tier holds.
    KeptMonths, KeptMonthsError, 0_u8, 3_u8
}

/// The month and the day on which a ladder's years begin, every year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YearFrom {
    month: u8,
    day: u8,
}

/// A text that is not the beginning of every year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a month and a day such as 04-01, and not 02-29, which few years have")]
pub struct YearFromError;

/// In which time a ladder counts, and for how long a tier holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Window {
    /// Each year for itself.
    Years {
        /// On which day they begin.
        from: YearFrom,
        /// A tier holds until the end of so many further years,
        years: KeptYears,
        /// and so many months past it.
        months: KeptMonths,
    },
    /// The present calendar month and some before it.
    Months {
        /// How many before it.
        months: WindowMonths,
        /// A tier holds until the end of the month so many later.
        keeps: WindowMonths,
    },
    /// All time. A tier holds for ever.
    Ever,
}

/// A year or a month by which a ladder counts, as a number that rises with time: for a ladder by
/// years the year in which it begins, for one by months the months since the year 0, for one over
/// all time 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct CountPeriod(pub u32);

impl YearFrom {
    /// The first of January.
    pub const JANUARY: Self = Self { month: 1, day: 1 };

    fn of_year(self, year: u32) -> Option<NaiveDate> {
        let year = i32::try_from(year).ok()?;
        NaiveDate::from_ymd_opt(year, self.month.into(), self.day.into())
    }
}

impl FromStr for YearFrom {
    type Err = YearFromError;

    fn from_str(text: &str) -> Result<Self, YearFromError> {
        // A year without a leap day: what it has, every year has.
        let day: Day = format!("2001-{text}").parse().map_err(|_| YearFromError)?;
        let byte = |number: u32| u8::try_from(number).map_err(|_| YearFromError);
        let date = day.date();
        Ok(Self { month: byte(date.month())?, day: byte(date.day())? })
    }
}

impl fmt::Display for YearFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}

impl Serialize for YearFrom {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for YearFrom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl Window {
    /// Whether another window counts the same; for how long a tier holds may differ.
    pub(crate) fn counts_like(self, other: Self) -> bool {
        match (self, other) {
            (Self::Years { from, .. }, Self::Years { from: other, .. }) => from == other,
            (Self::Months { months, .. }, Self::Months { months: other, .. }) => months == other,
            (Self::Ever, Self::Ever) => true,
            _ => false,
        }
    }

    /// The year or the month that a day is in.
    #[must_use]
    pub fn period(self, day: Day) -> CountPeriod {
        let date = day.date();
        let year = u32::try_from(date.year()).unwrap_or_default();
        CountPeriod(match self {
            Self::Years { from, .. } => {
                let has_begun = (date.month(), date.day()) >= (from.month.into(), from.day.into());
                if has_begun { year } else { year.saturating_sub(1) }
            }
            Self::Months { .. } => year.saturating_mul(12).saturating_add(date.month0()),
            Self::Ever => 0,
        })
    }

    /// The day with which a year or a month begins; nothing for one over all time.
    pub(crate) fn first_day(self, period: CountPeriod) -> Option<Day> {
        match self {
            Self::Years { from, .. } => from.of_year(period.0).map(Day::from),
            Self::Months { .. } => month(period.0).map(Day::from),
            Self::Ever => None,
        }
    }

    /// Where a count begins that ends with a year or a month.
    pub(crate) fn first_counted(self, last: CountPeriod) -> CountPeriod {
        match self {
            Self::Years { .. } | Self::Ever => last,
            Self::Months { months, .. } => CountPeriod(last.0.saturating_sub(months.0.into())),
        }
    }

    /// Where a count ends that begins with a year or a month.
    pub(crate) fn last_counted(self, first: CountPeriod) -> CountPeriod {
        match self {
            Self::Years { .. } | Self::Ever => first,
            Self::Months { months, .. } => CountPeriod(first.0.saturating_add(months.0.into())),
        }
    }

    /// Whether a count is still needed of what a year or a month has, where the latest that
    /// counted something is this one.
    pub(crate) fn needs(self, period: CountPeriod, latest: CountPeriod) -> bool {
        /// A tier holds until the end of two further years and three months at most, so that the
        /// counts of four years can matter.
        const YEARS: u32 = 4;
        match self {
            Self::Years { .. } => period.0.saturating_add(YEARS) > latest.0,
            Self::Months { .. } => period >= self.first_counted(latest),
            Self::Ever => true,
        }
    }

    /// Until when a tier holds that a count gives which ends with a year or a month; nothing where
    /// it holds for ever.
    pub(crate) fn until(self, calendar: Calendar, last: CountPeriod) -> Option<Timestamp> {
        let day = match self {
            Self::Years { from, years, months } => {
                let end = from.of_year(last.0.saturating_add(1 + u32::from(years.0)));
                end.and_then(|end| end.checked_add_months(Months::new(months.0.into())))
            }
            Self::Months { keeps, .. } => month(last.0.saturating_add(1 + u32::from(keeps.0))),
            Self::Ever => return None,
        };
        Some(day.map_or(Timestamp::LAST, |day| calendar.start_of_day(day.into())))
    }

    /// The same without the further years: so long a tier holds to which another one sank.
    pub(crate) fn sunk_until(self, calendar: Calendar, last: CountPeriod) -> Option<Timestamp> {
        match self {
            Self::Years { from, months, .. } => {
                Self::Years { from, years: KeptYears(0), months }.until(calendar, last)
            }
            Self::Months { .. } | Self::Ever => self.until(calendar, last),
        }
    }
}

/// The first day of a month, by its number.
fn month(number: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(i32::try_from(number / 12).ok()?, number % 12 + 1, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TimeZone;

    fn years(from: &str, years: u8, months: u8) -> Window {
        Window::Years {
            from: from.parse().expect("a day"),
            years: years.try_into().expect("years"),
            months: months.try_into().expect("months"),
        }
    }

    fn months(months: u8, keeps: u8) -> Window {
        let number = |it: u8| WindowMonths::try_from(it).expect("months");
        Window::Months { months: number(months), keeps: number(keeps) }
    }

    fn calendar(zone: &str) -> Calendar {
        zone.parse::<TimeZone>().and_then(|zone| zone.calendar()).expect("a zone")
    }

    #[track_caller]
    fn holds(window: Window, zone: &str, counted_on: &str, until: &str) {
        let last = window.period(counted_on.parse().expect("a day"));
        let found = window.until(calendar(zone), last).expect("an end");
        assert_eq!(found.to_string(), until, "{window:?} in {zone}");
    }

    #[test]
    fn a_year_begins_on_its_day_every_year() {
        for text in ["01-01", "04-01", "12-31", "02-28"] {
            assert_eq!(text.parse().map(|from: YearFrom| from.to_string()), Ok(text.to_owned()));
        }
        for text in ["02-29", "13-01", "4-1", "", "04-31", "2026-04-01", "--04-01"] {
            assert_eq!(text.parse::<YearFrom>(), Err(YearFromError), "{text:?}");
        }
        let april = years("04-01", 0, 0);
        for (day, year) in [("2026-03-31", 2025), ("2026-04-01", 2026), ("2027-03-31", 2026)] {
            assert_eq!(april.period(day.parse().expect("a day")), CountPeriod(year), "{day}");
        }
    }

    #[test]
    fn a_tier_by_years_holds_until_the_end_of_further_years_and_months() {
        let berlin = "Europe/Berlin";
        holds(years("01-01", 0, 0), "UTC", "2026-02-03", "2027-01-01T00:00:00Z");
        holds(years("01-01", 2, 3), "UTC", "2026-12-31", "2029-04-01T00:00:00Z");
        // The end of March is in summer time, and the end of the year isn't.
        holds(years("01-01", 0, 3), berlin, "2026-01-01", "2027-03-31T22:00:00Z");
        holds(years("04-01", 1, 0), berlin, "2027-03-31", "2028-03-31T22:00:00Z");
        // Three months after the end of November is the last of February.
        holds(years("11-30", 0, 3), "UTC", "2026-12-01", "2028-02-29T00:00:00Z");
        holds(years("11-30", 0, 3), "UTC", "2025-12-01", "2027-02-28T00:00:00Z");
    }

    #[test]
    fn a_tier_by_months_holds_until_the_end_of_a_month() {
        holds(months(11, 1), "UTC", "2026-01-31", "2026-03-01T00:00:00Z");
        holds(months(11, 1), "UTC", "2028-02-29", "2028-04-01T00:00:00Z");
        holds(months(1, 36), "UTC", "2026-12-31", "2030-01-01T00:00:00Z");
        holds(months(1, 2), "Europe/Berlin", "2026-01-01", "2026-03-31T22:00:00Z");
    }

    #[test]
    fn a_window_of_months_is_the_present_one_and_those_before_it() {
        let window = months(2, 1);
        let march = window.period("2026-03-15".parse().expect("a day"));
        let january = window.first_counted(march);
        assert_eq!(
            window.first_day(january).map(|day| day.to_string()).as_deref(),
            Some("2026-01-01")
        );
        assert_eq!(window.last_counted(january), march);
        assert!(window.needs(january, march));
        assert!(!window.needs(CountPeriod(january.0 - 1), march));
    }

    #[test]
    fn the_end_of_time_ends_no_tier_early() {
        holds(years("01-01", 2, 3), "UTC", "9998-05-05", "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn numbers_are_within_their_bounds() {
        assert!(WindowMonths::try_from(0).is_err() && WindowMonths::try_from(37).is_err());
        assert!(WindowMonths::try_from(1).is_ok() && WindowMonths::try_from(36).is_ok());
        assert!(KeptYears::try_from(2).is_ok() && KeptYears::try_from(3).is_err());
        assert!(KeptMonths::try_from(3).is_ok() && KeptMonths::try_from(4).is_err());
    }
}

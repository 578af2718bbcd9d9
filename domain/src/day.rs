//! Dates: the day on which credit counts towards a tier, by the calendar of its unit's time zone.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A date, without a time and without a zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(
    /// Days after the first of January 1970.
    i32,
);

/// A text that is not a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a date such as 2026-11-21")]
pub struct DayError;

/// The first of January 1970 in chrono's count of days.
const EPOCH_FROM_CE: i32 = 719_163;

impl Day {
    /// The day of a month of a year, where there is one.
    #[must_use]
    pub fn of(year: i32, month: u32, day: u32) -> Option<Self> {
        NaiveDate::from_ymd_opt(year, month, day).map(Self::from)
    }

    /// Days after the first of January 1970; none before.
    pub(crate) fn number(self) -> u64 {
        u64::try_from(self.0).unwrap_or_default()
    }

    /// The day with a number.
    pub(crate) fn of_number(number: u64) -> Option<Self> {
        i32::try_from(number).ok().map(Self)
    }

    /// As chrono has it.
    pub(crate) fn date(self) -> NaiveDate {
        NaiveDate::from_num_days_from_ce_opt(self.0.saturating_add(EPOCH_FROM_CE))
            .unwrap_or_default()
    }
}

impl From<NaiveDate> for Day {
    fn from(date: NaiveDate) -> Self {
        Self(date.num_days_from_ce() - EPOCH_FROM_CE)
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let has_form = text.len() == 10
            && text.bytes().enumerate().all(|(index, byte)| match index {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        let date = has_form.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten();
        date.map(Self::from).ok_or(DayError)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date().format("%Y-%m-%d").fmt(f)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i32(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
            text.parse().map_err(de::Error::custom)
        } else {
            i32::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_as_a_date() {
        for text in ["1970-01-01", "2028-02-29", "2026-11-21", "9999-12-31", "1969-12-31"] {
            assert_eq!(text.parse().map(|day: Day| day.to_string()), Ok(text.to_owned()));
        }
        for text in
            ["", "2027-02-29", "2026-13-01", "2026-1-1", "26-01-01", "2026-11-21Z", "+026-11-2"]
        {
            assert_eq!(text.parse::<Day>(), Err(DayError), "{text:?}");
        }
    }
}

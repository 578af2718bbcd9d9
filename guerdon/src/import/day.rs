//! A day of the calendar.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

/// A day of the calendar in UTC, `YYYY-MM-DD`; its order is the calendar's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Day(NaiveDate);

impl Day {
    /// The day that `text` spells.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let day = text.parse().ok().map(Self)?;
        (day.to_string() == text).then_some(day)
    }

    /// The day of a time.
    pub(crate) fn of(time: DateTime<Utc>) -> Self {
        Self(time.date_naive())
    }

    /// The day's last second: redemptions come after everything that was bought that day.
    pub(crate) fn end(self) -> DateTime<Utc> {
        let last = NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default();
        self.0.and_time(last).and_utc()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is not a day"))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_ten_characters_of_the_calendar() {
        let end = Day::parse("2017-02-28").unwrap().end();
        assert_eq!(end.to_rfc3339(), "2017-02-28T23:59:59+00:00");
        for text in [
            "",
            "2017-2-28",
            "2017-13-01",
            "2017-00-01",
            "2017-02-29",
            "2017/01/01",
            "ä017-1-1",
            "+2017-01-01",
            "2017-01-01 ",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }
}

//! A day of the calendar.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A day of the calendar in UTC, `YYYY-MM-DD`; its order is the calendar's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Day(Box<str>);

impl Day {
    /// The day that `text` spells. The month's length is left to the ledger.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let shaped = bytes.len() == "YYYY-MM-DD".len()
            && bytes.iter().enumerate().all(|(index, byte)| match index {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        let within = |digits: &str, most: u8| {
            digits.parse::<u8>().is_ok_and(|number| (1..=most).contains(&number))
        };
        (shaped && within(&text[5..7], 12) && within(&text[8..], 31)).then(|| Self(text.into()))
    }

    /// The day's last second: redemptions come after everything that was bought that day.
    pub(crate) fn end(&self) -> String {
        format!("{self}T23:59:59Z")
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
        assert_eq!(Day::parse("2017-02-28").unwrap().end(), "2017-02-28T23:59:59Z");
        for text in
            ["", "2017-2-28", "2017-13-01", "2017-00-01", "2017-01-32", "2017/01/01", "ä017-1-1"]
        {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }
}

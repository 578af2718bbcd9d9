//! Points in time, in microseconds, written as RFC 3339 in UTC.
//!
//! The domain reads no clock: a timestamp is stamped by the writer or said by a caller.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Datelike, SecondsFormat, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Microseconds since 1970-01-01T00:00:00Z, within the years 1970 to 9999.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text or number that is not a point in time that the ledger takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a time in RFC 3339 from 1970 to 9999, such as 2026-11-21T09:30:00Z")]
pub struct TimestampError;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The last microsecond of the year 9999.
    const LAST_MICROS: i64 = 253_402_300_799_999_999;

    /// The time that many microseconds after 1970 began.
    pub const fn from_micros(micros: i64) -> Result<Self, TimestampError> {
        if micros >= 0 && micros <= Self::LAST_MICROS {
            Ok(Self(micros))
        } else {
            Err(TimestampError)
        }
    }

    /// The last microsecond of the year 9999.
    pub const LAST: Self = Self(Self::LAST_MICROS);

    /// What a clock of the system said.
    pub fn from_system(time: SystemTime) -> Result<Self, TimestampError> {
        let since_epoch = time.duration_since(UNIX_EPOCH).map_err(|_| TimestampError)?;
        let micros = i64::try_from(since_epoch.as_micros()).map_err(|_| TimestampError)?;
        Self::from_micros(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// So many times 24 hours later, or the last time there is.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        let later = self.0.saturating_add(i64::from(days).saturating_mul(DAY_MICROS));
        Self(later.min(Self::LAST_MICROS))
    }

    /// So many times 24 hours earlier, or the first time there is.
    #[must_use]
    pub fn minus_days(self, days: u32) -> Self {
        let earlier = self.0.saturating_sub(i64::from(days).saturating_mul(DAY_MICROS));
        Self(earlier.max(0))
    }

    fn date_time(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.0)
    }
}

/// Chrono counts a leap second as nanoseconds beyond these.
const NANOS_OF_SECOND: u32 = 1_000_000_000;

/// The days (UTC) that ended with a leap second: years that had one in June, and in December. There
/// was none after 2016, and there are to be no more.
const LEAP_JUNES: [i32; 11] = [1972, 1981, 1982, 1983, 1985, 1992, 1993, 1994, 1997, 2012, 2015];
const LEAP_DECEMBERS: [i32; 16] = [
    1972, 1973, 1974, 1975, 1976, 1977, 1978, 1979, 1987, 1989, 1990, 1995, 1998, 2005, 2008, 2016,
];

/// Whether the minute of a time ended with a leap second.
fn has_leap_second(time: DateTime<Utc>) -> bool {
    let is_last_minute = (time.hour(), time.minute()) == (23, 59);
    is_last_minute
        && match (time.month(), time.day()) {
            (6, 30) => LEAP_JUNES.contains(&time.year()),
            (12, 31) => LEAP_DECEMBERS.contains(&time.year()),
            _ => false,
        }
}

const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        // Chrono takes U+2212 for a minus, and a second of 60 in every minute.
        if !text.is_ascii() {
            return Err(TimestampError);
        }
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| TimestampError)?;
        if time.nanosecond() >= NANOS_OF_SECOND && !has_leap_second(time.to_utc()) {
            return Err(TimestampError);
        }
        Self::from_micros(time.timestamp_micros())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.date_time().ok_or(fmt::Error)?;
        f.write_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// RFC 3339 where people read it, and the number in a snapshot.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let time = if deserializer.is_human_readable() {
            Box::<str>::deserialize(deserializer)?.parse()
        } else {
            Self::from_micros(i64::deserialize(deserializer)?)
        };
        time.map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_kept_to_the_microsecond_in_utc() -> Result<(), TimestampError> {
        let time: Timestamp = "2017-01-01T12:53:26.000250+01:00".parse()?;
        assert_eq!(time.to_string(), "2017-01-01T11:53:26.000250Z");
        assert_eq!(
            "2017-12-31T23:59:59Z".parse::<Timestamp>()?.to_string(),
            "2017-12-31T23:59:59Z"
        );
        Ok(())
    }

    #[test]
    fn a_day_of_a_count_has_24_hours() -> Result<(), TimestampError> {
        let time: Timestamp = "2028-01-31T10:00:00Z".parse()?;
        assert_eq!(time.plus_days(30).to_string(), "2028-03-01T10:00:00Z");
        assert_eq!(time.minus_days(31).to_string(), "2027-12-31T10:00:00Z");
        assert_eq!(time.plus_days(u32::MAX), Timestamp::LAST);
        assert_eq!(time.minus_days(u32::MAX), Timestamp::EPOCH);
        Ok(())
    }

    #[test]
    fn a_second_of_60_is_one_that_there_was() {
        for text in ["2016-12-31T23:59:60Z", "1972-06-30T23:59:60.5Z", "2017-01-01T00:59:60+01:00"]
        {
            text.parse::<Timestamp>().expect(text);
        }
        for text in [
            "2026-11-29T08:00:60Z",
            "2016-12-31T23:58:60Z",
            "2016-06-30T23:59:60Z",
            "2026-12-31T23:59:60Z",
            "2016-12-31T23:59:60+01:00",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text}");
        }
    }

    #[test]
    fn a_minus_is_a_hyphen() {
        "2026-11-29T08:00:00-01:00".parse::<Timestamp>().expect("a time");
        let typeset = "2026-11-29T08:00:00\u{2212}01:00".parse::<Timestamp>();
        assert_eq!(typeset, Err(TimestampError));
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for text in ["", "yesterday", "2017-01-01", "2017-13-01T00:00:00Z", "1969-12-31T23:59:59Z"]
        {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text}");
        }
        assert_eq!(Timestamp::from_micros(i64::MAX), Err(TimestampError));
    }
}

//! A moment of the log: an event's position, or a time.

use std::fmt;
use std::str::FromStr;

use domain::Timestamp;
use log_record::Place;
use serde::{Deserialize, Deserializer, de};

/// A moment of the log. What was recorded at that position or time is part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Right after an event.
    Position(Place),
    /// A time, as the log recorded it.
    Time(Timestamp),
}

/// A text is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a position, such as 0:4711, or a time, such as 2026-11-30T08:00:00Z")]
pub struct NoMoment;

impl FromStr for Moment {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        let place = text.parse().map(Self::Position);
        place.or_else(|_| text.parse().map(Self::Time)).map_err(|_| NoMoment)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(place) => place.fmt(f),
            Self::Time(time) => time.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_position_or_a_time() {
        for (text, shown) in [
            ("0:4711", "0:4711"),
            ("2026-11-30T08:00:00Z", "2026-11-30T08:00:00Z"),
            ("2026-11-30T09:00:00+01:00", "2026-11-30T08:00:00Z"),
        ] {
            assert_eq!(text.parse::<Moment>().expect(text).to_string(), shown);
        }
        for text in ["", "4711", "0:", "2026-11-30", "now"] {
            assert_eq!(text.parse::<Moment>(), Err(NoMoment), "{text}");
        }
    }
}

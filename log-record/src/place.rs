//! Where something stands in a log, and the names of those who put it there.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

/// The log's own id. It is made when the log is opened and never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogId(pub Uuid);

/// One of a log's sequences of events, counted from 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Partition(pub u16);

/// An event's number in its partition: 1, 2, 3 … without a gap.
///
/// [`Position::START`] is the place before the first event.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(pub u64);

/// Counts the writers that a partition has had. Every take-over and every doubt raises it, so an
/// append that bears an older epoch can never land.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u64);

/// Counts the times that an operator declared a shortened log to be the history (`log-forked`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(pub u32);

/// Names one start of one writer; a restart has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WriterId(pub Uuid);

/// Names one append, so that a writer whose answer was lost can ask whether it landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BatchId(pub Uuid);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The position `events` further on.
    #[must_use]
    pub const fn plus(self, events: u64) -> Self {
        Self(self.0 + events)
    }

    /// How many events stand after `earlier` up to and with this one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A position in a given partition, written `partition:position`, as in `Guerdon-Position: 0:4711`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The partition.
    pub partition: Partition,
    /// The position in it.
    pub position: Position,
}

/// A text that is not a place.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// There is no colon in it.
    #[error("must be a position, written partition:position, as in 0:4711")]
    NoColon,
    /// One side of the colon is not a number, or too large.
    #[error("must be a position, written as two whole numbers, as in 0:4711")]
    NotANumber(#[source] ParseIntError),
    /// The position is above what a partition can have.
    #[error("must be a position of at most 281474976710655")]
    TooFar,
}

impl Place {
    /// The place `events` further on in the same partition.
    #[must_use]
    pub const fn plus(self, events: u64) -> Self {
        Self { partition: self.partition, position: self.position.plus(events) }
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let (partition, position) = text.split_once(':').ok_or(PlaceError::NoColon)?;
        Ok(Self {
            partition: Partition(partition.parse().map_err(PlaceError::NotANumber)?),
            position: Position(position.parse().map_err(PlaceError::NotANumber)?),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.partition, self.position)
    }
}

/// Its text, `partition:position`.
impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

macro_rules! displays_as_its_content {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
displays_as_its_content!(LogId, Partition, Position, Epoch, Generation, WriterId, BatchId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let place = Place { partition: Partition(3), position: Position(4711) };
        assert_eq!(place.to_string(), "3:4711");
        assert_eq!("3:4711".parse::<Place>().ok(), Some(place));
    }

    #[test]
    fn what_is_not_a_place_is_refused() {
        for text in ["", "7", ":", "0:", ":1", "0:-1", "65536:1", "0:1:2", "0:18446744073709551616"]
        {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}

//! A place as one 64-bit number, which tables keep and lots are named by.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Partition, Place, PlaceError, Position};

/// The position takes the lower 48 bits, the partition the 16 bits above.
const POSITION_BITS: u32 = 48;

/// A place packed into 64 bits: partition × 2^48 + position. The lower partition comes first, then
/// the lower position.
///
/// Its text is that of the place, `partition:position`. So it stands in JSON; a format without
/// names, like a snapshot's, has the number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackedPlace(u64);

impl PackedPlace {
    /// The last position that a partition can have, 281,474,976,710,655.
    pub const LAST_POSITION: Position = Position((1 << POSITION_BITS) - 1);

    /// Packs a position of a partition. No log has a position above [`Self::LAST_POSITION`]; a
    /// caller that asks for one gets the last.
    #[must_use]
    pub const fn new(partition: Partition, position: Position) -> Self {
        let last = Self::LAST_POSITION.0;
        let position = if position.0 < last { position.0 } else { last };
        Self((partition.0 as u64) << POSITION_BITS | position)
    }

    /// The partition.
    #[must_use]
    pub const fn partition(self) -> Partition {
        let [high, low, ..] = self.0.to_be_bytes();
        Partition(u16::from_be_bytes([high, low]))
    }

    /// The position in the partition.
    #[must_use]
    pub const fn position(self) -> Position {
        Position(self.0 & Self::LAST_POSITION.0)
    }

    /// The last place of the same partition.
    #[must_use]
    pub const fn last_of_partition(self) -> Self {
        Self(self.0 | Self::LAST_POSITION.0)
    }

    /// The packed number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number's bits as SQL's signed integer. They are in order up to partition 32,767.
    #[must_use]
    pub const fn as_i64(self) -> i64 {
        self.0.cast_signed()
    }

    /// The place in an SQL column.
    #[must_use]
    pub const fn from_i64(column: i64) -> Self {
        Self(column.cast_unsigned())
    }
}

impl From<Place> for PackedPlace {
    fn from(Place { partition, position }: Place) -> Self {
        Self::new(partition, position)
    }
}

impl From<PackedPlace> for Place {
    fn from(packed: PackedPlace) -> Self {
        Self { partition: packed.partition(), position: packed.position() }
    }
}

impl fmt::Display for PackedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Place::from(*self).fmt(f)
    }
}

impl FromStr for PackedPlace {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let place: Place = text.parse()?;
        if place.position > Self::LAST_POSITION {
            return Err(PlaceError::TooFar);
        }
        Ok(place.into())
    }
}

impl Serialize for PackedPlace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_u64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for PackedPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(TextVisitor)
        } else {
            u64::deserialize(deserializer).map(Self)
        }
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = PackedPlace;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a place, written partition:position")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<PackedPlace, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(partition: u16, position: u64) -> PackedPlace {
        PackedPlace::new(Partition(partition), Position(position))
    }

    #[test]
    fn a_packed_place_unpacks_to_the_same_place() {
        for (partition, position) in [(0, 0), (0, 4711), (3, 1), (u16::MAX, (1 << 48) - 1)] {
            let place = Place { partition: Partition(partition), position: Position(position) };
            let packed = PackedPlace::from(place);
            assert_eq!(Place::from(packed), place);
            assert_eq!(PackedPlace::from_i64(packed.as_i64()), packed);
            assert_eq!(packed.to_string(), format!("{partition}:{position}"));
            assert_eq!(packed.to_string().parse::<PackedPlace>().ok(), Some(packed));
        }
        assert_eq!(packed(3, 4711).get(), 3 << 48 | 4711);
    }

    #[test]
    fn the_lower_partition_comes_first_then_the_lower_position() {
        let places = [packed(0, 9), packed(0, 10), packed(1, 1), packed(2, 1)];
        assert!(places.is_sorted());
        assert!(places.map(PackedPlace::as_i64).is_sorted());
        assert_eq!(packed(1, 4711).last_of_partition(), packed(1, u64::MAX));
    }

    #[test]
    fn a_position_that_does_not_fit_is_refused() {
        for text in ["9", "0:", "65536:1", "0:281474976710656"] {
            assert!(text.parse::<PackedPlace>().is_err(), "{text}");
        }
    }
}

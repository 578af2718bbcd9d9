//! Units: the kinds of points that there are. Every amount of credit is of one unit.

use indexmap::IndexMap;
use log_record::Position;
use serde::{Deserialize, Serialize};

use crate::short_id::short_id;
use crate::{TimeZone, Timestamp, UnitName};

/// How many units there are at most: each is a line of every balance, sum and report.
pub const UNITS_MAX: usize = 100;

/// With how many decimals a page shows an amount at most.
pub const DECIMALS_MAX: u8 = 4;

/// A number that is no number of decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 0 to {DECIMALS_MAX}")]
pub struct DecimalsError;

short_id! {
    /// A kind of points, by the id that an operator gave it.
    UnitId
}

impl UnitId {
    /// The unit that is there from the start.
    pub const POINTS: Self = Self(*b"points\0\0\0\0\0\0\0\0\0\0");
}

impl Default for UnitId {
    fn default() -> Self {
        Self::POINTS
    }
}

/// With how many decimals pages show amounts of a unit. The amounts themselves are whole numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Decimals(u8);

impl TryFrom<u8> for Decimals {
    type Error = DecimalsError;

    fn try_from(decimals: u8) -> Result<Self, DecimalsError> {
        if decimals <= DECIMALS_MAX { Ok(Self(decimals)) } else { Err(DecimalsError) }
    }
}

impl From<Decimals> for u8 {
    fn from(decimals: Decimals) -> Self {
        decimals.0
    }
}

/// What a unit is. Its name can change, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitTerms {
    /// What pages call it.
    pub name: Option<UnitName>,
    /// Whether it can be redeemed, held, passed on or converted. What can't only counts.
    pub spendable: bool,
    /// With how many decimals pages show it.
    pub decimals: Decimals,
    /// Where its days begin.
    pub time_zone: TimeZone,
}

impl UnitTerms {
    /// Those of `points` at first.
    #[must_use]
    pub fn of_points() -> Self {
        let (decimals, time_zone) = (Decimals::default(), TimeZone::default());
        Self { name: None, spendable: true, decimals, time_zone }
    }

    /// The first field in which other terms differ, of those that can't change.
    pub(crate) fn first_fixed_difference(&self, other: &Self) -> Option<&'static str> {
        let Self { name: _, spendable, decimals, time_zone } = self;
        if *spendable != other.spendable {
            Some("spendable")
        } else if *decimals != other.decimals {
            Some("decimals")
        } else if *time_zone != other.time_zone {
            Some("time_zone")
        } else {
            None
        }
    }
}

/// A unit as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// What it is.
    pub terms: UnitTerms,
    /// Counts changes of the terms, and the closure, from 1.
    pub version: u64,
    /// When an operator closed it, where one did: nothing more is earned of it.
    pub closed_at: Option<Timestamp>,
    /// The event that last changed it.
    pub changed_at: Position,
}

/// A unit's place in the state, one byte where its id would be sixteen. Units are numbered in the
/// order in which they were made.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnitNumber(u8);

impl UnitNumber {
    /// That of the unit `points`.
    pub const POINTS: Self = Self(0);
}

/// The units that there are, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct KnownUnits(IndexMap<UnitId, Unit>);

impl KnownUnits {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (UnitId, &Unit)> {
        self.0.iter().map(|(id, unit)| (*id, unit))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, id: UnitId) -> Option<&Unit> {
        self.0.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: UnitId) -> Option<&mut Unit> {
        self.0.get_mut(&id)
    }

    pub(crate) fn number(&self, id: UnitId) -> Option<UnitNumber> {
        if id == UnitId::POINTS {
            return Some(UnitNumber::POINTS);
        }
        self.0.get_index_of(&id).and_then(|number| u8::try_from(number).ok()).map(UnitNumber)
    }

    pub(crate) fn id(&self, number: UnitNumber) -> Option<UnitId> {
        self.0.get_index(number.0.into()).map(|(id, _)| *id)
    }

    /// Adds a unit behind the others; nothing where it is there, or where there are too many.
    #[must_use]
    pub(crate) fn add(&mut self, id: UnitId, terms: UnitTerms, at: Position) -> Option<()> {
        if self.0.len() >= UNITS_MAX {
            return None;
        }
        let unit = Unit { terms, version: 1, closed_at: None, changed_at: at };
        self.0.insert(id, unit).is_none().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ShortIdError;

    #[test]
    fn a_units_id_is_1_to_16_small_letters_digits_and_hyphens() {
        for text in ["a", "points", "miles-2026", "0", "-", "abcdefghijklmnop"] {
            assert_eq!(text.parse().map(|id: UnitId| id.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "Miles", "a b", "a_b", "a.b", "é", "a\0", "abcdefghijklmnopq"] {
            assert_eq!(text.parse::<UnitId>(), Err(ShortIdError), "{text:?}");
        }
        assert_eq!("points".parse(), Ok(UnitId::POINTS));
    }

    #[test]
    fn there_are_0_to_4_decimals() {
        assert!((0..=4).all(|decimals| Decimals::try_from(decimals).is_ok()));
        assert_eq!(Decimals::try_from(5), Err(DecimalsError));
    }
}

//! What an offer costs: amounts of up to four units, all of which are paid or none.

use serde::{Deserialize, Serialize};

use crate::amount::sum;
use crate::{Points, UnitId, Units};

/// Of how many units an offer can cost something.
pub const PRICES_MAX: usize = 4;

/// Amounts that are no prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {PRICES_MAX} prices, each of another unit and above 0")]
pub struct PricesError;

/// An amount of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// The unit.
    pub unit: UnitId,
    /// How much of it.
    #[serde(with = "sum")]
    pub points: Points,
}

/// What something costs, each unit once and above 0, in the offer's order. What is free costs 0
/// points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Box<[Price]>", into = "Box<[Price]>")]
pub struct Prices(Box<[Price]>);

impl Prices {
    /// So many points; 0 is for free.
    #[must_use]
    pub fn of_points(points: Points) -> Self {
        Self([Price { unit: UnitId::POINTS, points }].into())
    }

    /// The amounts, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Price> {
        self.0.iter().copied()
    }

    /// The amount that stands first, which is the only one where it costs one unit.
    #[must_use]
    pub fn first(&self) -> Price {
        self.0[0]
    }

    /// What it costs of a unit.
    #[must_use]
    pub fn of(&self, unit: UnitId) -> Points {
        let price = self.iter().find(|price| price.unit == unit);
        price.map_or(Points::ZERO, |price| price.points)
    }

    /// Whether it costs nothing.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.first().points == Points::ZERO
    }

    /// What is to be paid: nothing where it is free.
    pub fn due(&self) -> impl Iterator<Item = Price> {
        self.iter().filter(|price| price.points > Points::ZERO)
    }

    /// What so many cost; nothing where that is more than an amount can be.
    #[must_use]
    pub fn times(&self, quantity: Units) -> Option<Self> {
        let times = |price: Price| Some(Price { points: price.points.times(quantity)?, ..price });
        self.iter().map(times).collect::<Option<Box<[Price]>>>().map(Self)
    }

    /// The first unit of which other amounts, in any order, are not these, with what it costs and
    /// what they say.
    #[must_use]
    pub fn first_difference(&self, others: &[Price]) -> Option<(UnitId, Points, Points)> {
        let said = |unit: UnitId| {
            let price = others.iter().find(|price| price.unit == unit);
            price.map_or(Points::ZERO, |price| price.points)
        };
        let units = self.iter().chain(others.iter().copied()).map(|price| price.unit);
        let mut all = units.map(|unit| (unit, self.of(unit), said(unit)));
        all.find(|(_, needed, expected)| needed != expected)
    }
}

impl TryFrom<Box<[Price]>> for Prices {
    type Error = PricesError;

    fn try_from(prices: Box<[Price]>) -> Result<Self, PricesError> {
        if *prices == [Price { unit: UnitId::POINTS, points: Points::ZERO }] {
            return Ok(Self(prices));
        }
        let are_positive = prices.iter().all(|price| price.points > Points::ZERO);
        let is_twice = |(index, price): (usize, &Price)| {
            prices[..index].iter().any(|other| other.unit == price.unit)
        };
        let is_right = (1..=PRICES_MAX).contains(&prices.len())
            && are_positive
            && !prices.iter().enumerate().any(is_twice);
        if is_right { Ok(Self(prices)) } else { Err(PricesError) }
    }
}

impl From<Prices> for Box<[Price]> {
    fn from(prices: Prices) -> Self {
        prices.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{id, points};

    fn price(unit: &str, amount: u64) -> Price {
        let points = if amount == 0 { Points::ZERO } else { points(amount) };
        Price { unit: id(unit), points }
    }

    fn prices<const N: usize>(prices: [(&str, u64); N]) -> Result<Prices, PricesError> {
        let prices = prices.map(|(unit, amount)| price(unit, amount));
        Prices::try_from(Box::<[Price]>::from(prices))
    }

    #[test]
    fn prices_are_one_to_four_of_different_units_and_above_0() {
        assert!(prices([("points", 1)]).is_ok());
        assert!(prices([("a", 1), ("b", 2), ("c", 3), ("d", 4)]).is_ok());
        assert_eq!(prices([]), Err(PricesError));
        assert_eq!(prices([("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5)]), Err(PricesError));
        assert_eq!(prices([("a", 1), ("a", 2)]), Err(PricesError));
        assert_eq!(prices([("a", 1), ("b", 0)]), Err(PricesError));
        assert_eq!(prices([("a", 0)]), Err(PricesError), "what is free costs 0 points");
        assert!(prices([("points", 0)]).is_ok_and(|prices| prices.is_free()));
    }

    #[test]
    fn a_cost_is_expected_in_any_order() {
        let cost = prices([("points", 100), ("miles", 5)]).expect("prices");
        let expected = |expected: &[Price]| cost.first_difference(expected);
        assert_eq!(expected(&[price("miles", 5), price("points", 100)]), None);
        let of_points = (id("points"), points(100), points(90));
        assert_eq!(expected(&[price("miles", 5), price("points", 90)]), Some(of_points));
        let of_miles = (id("miles"), points(5), Points::ZERO);
        assert_eq!(expected(&[price("points", 100)]), Some(of_miles));
        let of_others = (id("status"), Points::ZERO, points(1));
        let all = [price("status", 1), price("points", 100), price("miles", 5)];
        assert_eq!(expected(&all), Some(of_others));
        assert_eq!(Prices::of_points(Points::ZERO).first_difference(&[]), None);
    }
}

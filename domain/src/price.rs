//! What an offer costs: amounts of up to four units, all of which are paid or none.

use std::iter::once;

use serde::{Deserialize, Serialize};

use crate::amount::sum;
use crate::{Points, UnitId, Units};

/// Of how many units an offer can cost something. Each is an event of every redemption.
pub const PRICES_MAX: usize = 4;

/// Amounts that are no prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {PRICES_MAX} prices, each of another unit and above 0; what is free costs 0 points"
)]
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
/// points. What costs one unit takes no allocation of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Price>", into = "Vec<Price>")]
pub struct Prices {
    first: Price,
    further: Box<[Price]>,
}

impl Prices {
    /// So many points; 0 is for free.
    #[must_use]
    pub fn of_points(points: Points) -> Self {
        Self { first: Price { unit: UnitId::POINTS, points }, further: Box::default() }
    }

    /// The amounts, in order.
    pub fn iter(&self) -> impl Iterator<Item = Price> {
        once(self.first).chain(self.further.iter().copied())
    }

    /// The amount that stands first, which is the only one where it costs one unit.
    #[must_use]
    pub const fn first(&self) -> Price {
        self.first
    }

    /// The amounts after the first.
    #[must_use]
    pub const fn further(&self) -> &[Price] {
        &self.further
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
        self.first.points == Points::ZERO
    }

    /// What is to be paid: nothing where it is free.
    pub fn due(&self) -> impl Iterator<Item = Price> {
        self.iter().filter(|price| price.points > Points::ZERO)
    }

    /// What so many cost; nothing where that is more than an amount can be.
    #[must_use]
    pub fn times(&self, quantity: Units) -> Option<Self> {
        let times = |price: &Price| Some(Price { points: price.points.times(quantity)?, ..*price });
        Some(Self {
            first: times(&self.first)?,
            further: self.further.iter().map(times).collect::<Option<_>>()?,
        })
    }

    /// What comes back of this cost of so many pieces once so many are cancelled, where some were
    /// cancelled before: of each unit its share, rounded down, less what came back before. Units of
    /// which nothing comes back are left out.
    pub fn refund(
        &self,
        quantity: Units,
        before: Units,
        cancelled: Units,
    ) -> impl Iterator<Item = Price> {
        let shares = self.iter().map(move |price| {
            let came_back = price.points.share(before, quantity);
            let points = price.points.share(cancelled, quantity).minus(came_back);
            Price { points: points.unwrap_or_default(), ..price }
        });
        shares.filter(|share| share.points > Points::ZERO)
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

/// Whether these are the same amounts, in any order; each names a unit once.
pub(crate) fn are_same(some: &[Price], others: &[Price]) -> bool {
    some.len() == others.len() && some.iter().all(|price| others.contains(price))
}

impl TryFrom<Vec<Price>> for Prices {
    type Error = PricesError;

    fn try_from(prices: Vec<Price>) -> Result<Self, PricesError> {
        let (first, further) = prices.split_first().ok_or(PricesError)?;
        let is_free = *first == Price { unit: UnitId::POINTS, points: Points::ZERO };
        if is_free && further.is_empty() {
            return Ok(Self::of_points(Points::ZERO));
        }
        let are_positive = prices.iter().all(|price| price.points > Points::ZERO);
        let is_twice = |(index, price): (usize, &Price)| {
            further.iter().skip(index).any(|other| other.unit == price.unit)
        };
        if prices.len() > PRICES_MAX || !are_positive || prices.iter().enumerate().any(is_twice) {
            return Err(PricesError);
        }
        Ok(Self { first: *first, further: further.into() })
    }
}

impl From<Prices> for Vec<Price> {
    fn from(prices: Prices) -> Self {
        prices.iter().collect()
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
        Prices::try_from(Vec::from(prices))
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

    #[test]
    fn of_each_unit_its_share_comes_back_and_all_of_it_in_the_end() {
        let cost = prices([("points", 100), ("miles", 2)]).expect("prices");
        let units = |number| Units::sum_of(number).expect("an amount");
        let refund = |before, cancelled| -> Vec<Price> {
            cost.refund(units(3), units(before), units(cancelled)).collect()
        };
        assert_eq!(refund(0, 0), []);
        assert_eq!(refund(0, 1), [price("points", 33)]);
        assert_eq!(refund(1, 2), [price("points", 33), price("miles", 1)]);
        assert_eq!(refund(2, 3), [price("points", 34), price("miles", 1)]);
        assert_eq!(refund(0, 3), [price("points", 100), price("miles", 2)]);
    }

    #[test]
    fn amounts_are_the_same_in_any_order() {
        let some = [price("points", 1), price("miles", 2)];
        assert!(are_same(&some, &[price("miles", 2), price("points", 1)]));
        assert!(!are_same(&some, &[price("miles", 2)]));
        assert!(!are_same(&some, &[price("miles", 1), price("points", 1)]));
    }
}

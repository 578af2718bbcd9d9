//! Prices: amounts of several kinds of points, all of which are paid or none.

use domain::{Points, Price, Prices, UnitId};
use serde::{Deserialize, Serialize};

/// What an offer costs of a kind of points.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutPriceBody {
    /// The kind of points; without it, `points`.
    pub unit: Option<UnitId>,
    /// The price of one piece in it.
    pub points: Points,
}

/// What a caller expects to pay of a kind of points.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedPriceBody {
    /// The kind of points; without it, `points`.
    pub unit: Option<UnitId>,
    /// The cost in it; 0: nothing.
    #[serde(with = "domain::sum")]
    pub points: Points,
}

/// An amount of a kind of points.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PriceBody {
    /// The kind of points.
    pub unit: UnitId,
    /// How many; 0 where it is free.
    pub points: Points,
}

impl From<Price> for PriceBody {
    fn from(price: Price) -> Self {
        let Price { unit, points } = price;
        Self { unit, points }
    }
}

impl PriceBody {
    /// All amounts, in their order.
    #[must_use]
    pub fn all(prices: &Prices) -> Vec<Self> {
        prices.iter().map(Self::from).collect()
    }
}

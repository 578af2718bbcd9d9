//! Prices as the read tables keep them: the first, and those after it as JSON.

use domain::{Price, Prices};
use wire::Problem;

use crate::cell::{broken, cost, json, text};

/// What something costs: so much of a unit, and what stands after that.
pub(crate) fn prices(unit: &str, points: i64, further: Option<&str>) -> Result<Prices, Problem> {
    let mut prices = vec![Price { unit: text(unit)?, points: cost(points)? }];
    if let Some(further) = further {
        prices.extend(json::<Vec<Price>>(further)?);
    }
    Prices::try_from(prices).map_err(|error| broken(unit, &error))
}

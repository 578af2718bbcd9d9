//! What bodies say of prices: what an offer costs, and what a caller expects to pay.

use domain::{PRICES_MAX, Points, Price, Prices, UnitId};
use wire::body::{ExpectedPriceBody, PutPriceBody};
use wire::{Object, Problem};

/// What an offer costs, by `price` with `unit`, or by `prices`.
pub(crate) fn offered(
    price: Option<Points>,
    unit: Option<UnitId>,
    prices: Option<Vec<Object<PutPriceBody>>>,
) -> Result<Prices, Problem> {
    let listed = match (price, prices) {
        (Some(_), Some(_)) => {
            let complaint = "can't be sent beside prices; leave one out (in a patch, null takes \
                             prices away)";
            return Err(Problem::invalid_field("price", complaint));
        }
        (None, None) => {
            let complaint = "is missing: send the price of one piece (0: for free), or prices";
            return Err(Problem::invalid_field("price", complaint));
        }
        (Some(points), None) => {
            let unit = unit.unwrap_or_default();
            if points == Points::ZERO && unit != UnitId::POINTS {
                let complaint = "can't be sent beside a price of 0: what is free costs nothing of \
                                 any unit; leave it out";
                return Err(Problem::invalid_field("unit", complaint));
            }
            vec![Price { unit, points }]
        }
        (None, Some(_)) if unit.is_some() => {
            let complaint = "can't be sent beside prices, which name their units; leave it out";
            return Err(Problem::invalid_field("unit", complaint));
        }
        (None, Some(prices)) => {
            let prices = prices.into_iter();
            let prices = prices.map(|Object(PutPriceBody { unit, points })| (unit, points));
            list("prices", prices)?
        }
    };
    Prices::try_from(listed).map_err(|error| Problem::invalid_field("prices", error))
}

/// The `expected_prices` of an order that may name `expected_points` in their place; `within` names
/// the object that has the fields, and ends in a full stop.
pub(crate) fn expected(
    points: Option<Points>,
    prices: Option<Vec<Object<ExpectedPriceBody>>>,
    within: &str,
) -> Result<Option<Box<[Price]>>, Problem> {
    let Some(prices) = prices else { return Ok(None) };
    let field = format!("{within}expected_prices");
    if points.is_some() {
        let complaint = "can't be sent beside expected_points; leave one out";
        return Err(Problem::invalid_field(&field, complaint));
    }
    let prices = prices.into_iter();
    let prices = prices.map(|Object(ExpectedPriceBody { unit, points })| (unit, points));
    Ok(Some(list(&field, prices)?.into()))
}

/// 1 to 4 amounts, each of another unit.
pub(crate) fn list(
    field: &str,
    amounts: impl ExactSizeIterator<Item = (Option<UnitId>, Points)>,
) -> Result<Vec<Price>, Problem> {
    if amounts.len() == 0 || amounts.len() > PRICES_MAX {
        let complaint = format!("must be a list of 1 to {PRICES_MAX} prices");
        return Err(Problem::invalid_field(field, complaint));
    }
    let mut prices: Vec<Price> = Vec::with_capacity(amounts.len());
    for (index, (unit, points)) in amounts.enumerate() {
        let unit = unit.unwrap_or_default();
        if prices.iter().any(|price| price.unit == unit) {
            let field = format!("{field}[{index}].unit");
            let complaint = format!("is {unit} a second time; name each unit once");
            return Err(Problem::invalid_field(&field, complaint));
        }
        prices.push(Price { unit, points });
    }
    Ok(prices)
}

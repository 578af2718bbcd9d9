//! Values by what they are made of.

use log_record::{Partition, Place, Position};

use crate::*;

/// The lot that the event at a position of partition 0 made.
pub(crate) fn lot(position: u64) -> LotId {
    Place { partition: Partition(0), position: Position(position) }.into()
}

pub(crate) fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("a valid id")
}

pub(crate) fn points(value: u64) -> Points {
    Points::new(value).expect("an amount")
}

pub(crate) fn units(value: u64) -> Units {
    Units::new(value).expect("an amount")
}

pub(crate) fn time(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).expect("a time")
}

pub(crate) fn price_list(prices: &[(&str, u64)]) -> Box<[Price]> {
    let price = |(unit, amount): &(&str, u64)| Price { unit: id(unit), points: points(*amount) };
    prices.iter().map(price).collect()
}

pub(crate) fn prices_of(prices: &[(&str, u64)]) -> Prices {
    Prices::try_from(Vec::from(price_list(prices))).expect("prices")
}

pub(crate) fn terms(price: u64) -> Terms {
    Terms {
        product_id: id("product"),
        prices: Prices::of_points(Points::sum_of(price).expect("an amount")),
        tier: None,
        segment: None,
        tier_prices: TierPrices::default(),
        opens_at: None,
        closes_at: None,
        limit_per_shopper: None,
        period_limits: PeriodLimits::default(),
        time_zone: TimeZone::default(),
        warehouse: id("main"),
        ships: true,
        codes: false,
    }
}

pub(crate) fn cause(cause: &str) -> Cause {
    Cause { kind: CauseKind::Purchase, id: id(cause) }
}

/// So much of one unit becomes so much of another.
pub(crate) fn rate_of(give: u64, take: u64) -> ConversionTerms {
    let (give, take) = (points(give), points(take));
    ConversionTerms { give, take, minimum: None, expiry: None }
}

/// So many points for each hundred of money.
pub(crate) fn rate(points_per_100: u64) -> EarningTerms {
    EarningTerms {
        unit: UnitId::POINTS,
        rate: Rate {
            points: points(points_per_100),
            per_amount: points(100),
            full_steps_only: false,
        },
        categories: vec![],
        multipliers: vec![],
        cap: None,
        expiry: None,
        pending_days: 0,
        time_zone: TimeZone::default(),
        backdate_days: 0,
    }
}

/// The same terms of a rule that gives miles.
pub(crate) fn in_miles(terms: EarningTerms) -> EarningTerms {
    EarningTerms { unit: id("miles"), ..terms }
}

/// A percentage between two times, in seconds.
pub(crate) fn during(from: i64, until: i64, percent: u32) -> Multiplier {
    Multiplier { from: Some(time(from)), until: Some(time(until)), tier: None, percent }
}

/// A unit that can be spent.
pub(crate) fn spendable() -> UnitTerms {
    UnitTerms::of_points()
}

/// A unit that can't be spent.
pub(crate) fn unspendable() -> UnitTerms {
    UnitTerms { spendable: false, ..spendable() }
}

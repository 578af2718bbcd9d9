//! What bodies say of prices by tier.

use domain::{LadderTier, Price, Prices, TIER_PRICES_MAX, TierPrice, TierPrices};
use wire::body::{PutPriceBody, PutTierPriceBody};
use wire::{Object, Problem};

use crate::prices::list;

/// What an offer that costs `offered` costs those who have a tier.
pub(crate) fn tier_prices(
    bodies: Vec<Object<PutTierPriceBody>>,
    offered: &Prices,
) -> Result<TierPrices, Problem> {
    if bodies.len() > TIER_PRICES_MAX {
        let complaint = format!("must be a list of at most {TIER_PRICES_MAX}");
        return Err(Problem::invalid_field("tier_prices", complaint));
    }
    let mut prices: Vec<TierPrice> = Vec::with_capacity(bodies.len());
    for (index, Object(PutTierPriceBody { tier, prices: own })) in bodies.into_iter().enumerate() {
        let field = format!("tier_prices[{index}]");
        let tier = LadderTier::from(tier.0);
        if let Some(complaint) = misfit(tier, &prices) {
            return Err(Problem::invalid_field(&format!("{field}.tier"), complaint));
        }
        let own = own.into_iter().map(|Object(PutPriceBody { unit, points })| (unit, points));
        let own: Vec<Price> = list(&format!("{field}.prices"), own)?;
        let is_other = |price: &Price| offered.iter().all(|it| it.unit != price.unit);
        if let Some(place) = own.iter().position(is_other) {
            let complaint = "is none of the units that the offer costs everybody";
            return Err(Problem::invalid_field(
                &format!("{field}.prices[{place}].unit"),
                complaint,
            ));
        }
        let own = Prices::try_from(own);
        let own = own.map_err(|error| Problem::invalid_field(&format!("{field}.prices"), error))?;
        prices.push(TierPrice { tier, prices: own });
    }
    let prices = TierPrices::try_from(Box::from(prices));
    prices.map_err(|error| Problem::invalid_field("tier_prices", error))
}

/// Why a tier can't stand behind those that were named before it.
fn misfit(tier: LadderTier, before: &[TierPrice]) -> Option<&'static str> {
    if before.iter().any(|price| price.tier == tier) {
        return Some("is named a second time; send one price for each tier");
    }
    let is_of_other = |price: &TierPrice| price.tier.ladder != tier.ladder;
    before.iter().any(is_of_other).then_some("is of another ladder than those before it")
}

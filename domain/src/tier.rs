//! Tiers as terms name them: what a tier of a ladder, or a higher one, makes cheaper, open or worth
//! more.

use serde::{Deserialize, Serialize};

use crate::{LadderId, Prices, TierId};

/// How many prices by tier an offer has: a ladder has no more tiers.
pub const TIER_PRICES_MAX: usize = 10;

/// Prices by tier that no offer can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be at most {TIER_PRICES_MAX}, of one ladder, each of another tier")]
pub struct TierPricesError;

/// A tier of a ladder. Where terms name it, they mean it or a higher one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LadderTier {
    /// The ladder.
    pub ladder: LadderId,
    /// Its tier.
    pub tier: TierId,
}

/// What something costs those who have a tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierPrice {
    /// The tier.
    pub tier: LadderTier,
    /// The cost.
    pub prices: Prices,
}

/// What an offer costs by tier, each tier of one ladder once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Box<[TierPrice]>", into = "Box<[TierPrice]>")]
pub struct TierPrices(Box<[TierPrice]>);

impl TierPrices {
    /// They, in the offer's order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &TierPrice> {
        self.0.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one that counts for somebody: that of the highest tier. `level_of` gives the level of a
    /// tier that somebody has, itself or by a higher one.
    #[must_use]
    pub fn that_counts<L: Ord>(
        &self,
        level_of: impl Fn(LadderTier) -> Option<L>,
    ) -> Option<&TierPrice> {
        let levels = self.iter().filter_map(|price| Some((level_of(price.tier)?, price)));
        levels.max_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, price)| price)
    }
}

impl TryFrom<Box<[TierPrice]>> for TierPrices {
    type Error = TierPricesError;

    fn try_from(prices: Box<[TierPrice]>) -> Result<Self, TierPricesError> {
        let is_wrong = |(index, price): (usize, &TierPrice)| {
            let mut before = prices[..index].iter().map(|other| other.tier);
            before.any(|other| other.ladder != price.tier.ladder || other == price.tier)
        };
        let is_right = prices.len() <= TIER_PRICES_MAX && !prices.iter().enumerate().any(is_wrong);
        if is_right { Ok(Self(prices)) } else { Err(TierPricesError) }
    }
}

impl From<TierPrices> for Box<[TierPrice]> {
    fn from(prices: TierPrices) -> Self {
        prices.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{id, points};

    fn price(ladder: &str, tier: &str, amount: u64) -> TierPrice {
        let tier = LadderTier { ladder: id(ladder), tier: id(tier) };
        TierPrice { tier, prices: Prices::of_points(points(amount)) }
    }

    fn prices<const N: usize>(prices: [TierPrice; N]) -> Result<TierPrices, TierPricesError> {
        TierPrices::try_from(Box::<[TierPrice]>::from(prices))
    }

    #[test]
    fn prices_by_tier_are_of_one_ladder_and_of_each_tier_once() {
        assert!(prices([]).is_ok_and(|prices| prices.is_empty()));
        assert!(prices([price("status", "silver", 3), price("status", "gold", 2)]).is_ok());
        let of_two = [price("status", "silver", 3), price("club", "gold", 2)];
        assert_eq!(prices(of_two), Err(TierPricesError));
        let twice = [price("status", "silver", 3), price("status", "silver", 2)];
        assert_eq!(prices(twice), Err(TierPricesError));
        let names: Vec<String> =
            (0..=TIER_PRICES_MAX).map(|number| format!("t-{number}")).collect();
        let many = names.iter().map(|name| price("status", name, 1)).collect::<Box<[_]>>();
        assert!(TierPrices::try_from(Box::from(&many[1..])).is_ok());
        assert_eq!(TierPrices::try_from(many), Err(TierPricesError));
    }

    #[test]
    fn the_highest_tier_counts_whatever_it_costs() {
        let all = [
            price("status", "gold", 9),
            price("status", "silver", 3),
            price("status", "platinum", 1),
        ];
        let all = prices(all).expect("prices");
        let tiers: [TierId; 3] = ["silver", "gold", "platinum"].map(id);
        let counts = |own: usize| {
            let level = |tier: LadderTier| {
                let level = tiers.iter().position(|known| *known == tier.tier)?;
                (level <= own).then_some(level)
            };
            all.that_counts(level).map(|price| price.tier.tier.to_string())
        };
        assert_eq!(all.that_counts(|_| None::<usize>), None);
        assert_eq!(counts(0).as_deref(), Some("silver"));
        assert_eq!(counts(1).as_deref(), Some("gold"));
        assert_eq!(counts(2).as_deref(), Some("platinum"));
    }
}

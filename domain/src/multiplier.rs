//! When, and for whom, a rule gives another percentage of its rate.

use serde::{Deserialize, Serialize};

use crate::{LadderTier, Timestamp};

/// A percentage of the rate for a time, or for those who have a tier. It applies where all that it
/// names holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Multiplier {
    /// From then on.
    pub from: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
    /// For those who have this tier, or a higher one.
    pub tier: Option<LadderTier>,
    /// 200 doubles.
    pub percent: u32,
}

impl Multiplier {
    fn is_at(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }
}

/// The highest percentage that applies at `now`, and the tier that counted, where it is less
/// without one. `has_tier` says whether the shopper has a tier or a higher one.
pub(crate) fn percent(
    multipliers: &[Multiplier],
    now: Timestamp,
    has_tier: impl Fn(LadderTier) -> bool,
) -> (u32, Option<LadderTier>) {
    let applies = |it: &&Multiplier| it.is_at(now) && it.tier.is_none_or(&has_tier);
    let highest = multipliers.iter().filter(applies);
    let highest = highest.max_by_key(|it| (it.percent, it.tier.is_none(), it.tier));
    highest.map_or((100, None), |it| (it.percent, it.tier))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{id, time};

    const ALWAYS: Multiplier = Multiplier { from: None, until: None, tier: None, percent: 100 };

    fn gold() -> LadderTier {
        LadderTier { ladder: id("status"), tier: id("gold") }
    }

    #[test]
    fn a_multiplier_applies_where_all_that_it_names_holds() {
        let on = |from: Option<i64>, until: Option<i64>, tier| {
            let (from, until) = (from.map(time), until.map(time));
            [Multiplier { from, until, tier, percent: 200 }]
        };
        let at = |multipliers: [Multiplier; 1], seconds, is_gold: bool| {
            percent(&multipliers, time(seconds), |tier| is_gold && tier == gold())
        };
        let (none, gold_counts) = ((100, None), (200, Some(gold())));
        for seconds in [10, 11] {
            assert_eq!(at(on(Some(10), None, None), seconds, false), (200, None));
            assert_eq!(at(on(None, Some(10), None), seconds, false), none);
            assert_eq!(at(on(Some(10), Some(12), Some(gold())), seconds, true), gold_counts);
            assert_eq!(at(on(Some(10), Some(12), Some(gold())), seconds, false), none);
        }
        assert_eq!(at(on(Some(10), Some(12), Some(gold())), 12, true), none);
        assert_eq!(at(on(None, None, Some(gold())), 0, true), gold_counts);
        assert_eq!(at(on(None, None, None), 0, false), (200, None));
    }

    #[test]
    fn the_highest_counts_and_a_tier_only_where_it_makes_a_difference() {
        let of_gold = |percent| Multiplier { tier: Some(gold()), percent, ..ALWAYS };
        let of_all = |percent| Multiplier { percent, ..ALWAYS };
        let of = |multipliers: [Multiplier; 2]| percent(&multipliers, time(1), |_| true);
        assert_eq!(of([of_gold(150), of_all(120)]), (150, Some(gold())));
        assert_eq!(of([of_gold(120), of_all(150)]), (150, None));
        for same in [[of_gold(150), of_all(150)], [of_all(150), of_gold(150)]] {
            assert_eq!(of(same), (150, None));
        }
        assert_eq!(of([of_gold(50), of_all(20)]), (50, Some(gold())), "it may also be less");
        assert_eq!(percent(&[], time(1), |_| true), (100, None));
    }
}

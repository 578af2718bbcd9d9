//! What tiers allow and what terms may say of them.

use super::Draft;
use crate::counted::limits_of;
use crate::standing::Counted;
use crate::{
    AccountId, CountsTakenOver, Day, Event, LadderCounts, LadderTier, LimitPeriod, OfferId,
    Refusal, SegmentId, SegmentSet, Terms,
};

impl Draft<'_> {
    /// The level of a tier, from 0, where the account has it or a higher one after the events so
    /// far.
    pub(crate) fn level_of(&self, account: &AccountId, asked: LadderTier) -> Option<usize> {
        let own = self.tier(account, asked.ladder)?;
        let level = self.state.ladder(asked.ladder)?.terms.levels.rank_of(asked.tier)?;
        (level <= own.rank).then_some(level)
    }

    /// What an account has counted on ladders after the events so far, and its tiers.
    pub(crate) fn ladder_counts(&self, id: &AccountId) -> Vec<LadderCounts> {
        self.standings(id).to_pass_on(self.state.ladders())
    }

    /// An account adds what one counted that was merged into it; then its segments and tiers
    /// follow, unless it was merged itself.
    pub(crate) fn take_over(&mut self, id: &AccountId, fact: CountsTakenOver) {
        let (state, at, now) = (self.state, self.next_position(), self.now);
        let segments = fact.counts.segments.clone();
        let event = Event::CountsTakenOver(id.clone(), fact);
        let mut standings = self.take_standings(id);
        // An event that can't be applied is refused by the state, which names the invariant.
        let counted = standings.evolve(state.ladders(), at, now, &event).unwrap_or_default();
        self.push(event);
        if state.merged_into(id).is_none() {
            for segment in segments {
                if state.segment(id, segment).is_none_or(|(member, _)| !member) {
                    let set = SegmentSet { segment, member: true, occurred_at: None };
                    self.push(Event::SegmentSet(id.clone(), set));
                }
            }
            for Counted { ladder, is_less } in counted {
                let at = self.next_position();
                if let Some(step) = standings.judge(state.ladders(), ladder, is_less, (at, now)) {
                    self.push(step.event(id));
                }
            }
        }
        self.standings.push((id.clone(), standings));
    }

    /// Records what is due in the accounts whose counts and tiers one goes by beside its own: those
    /// that were merged into it, and the one that it was merged into, of this partition.
    pub(crate) fn apply_due_beside(&mut self, id: &AccountId) {
        let state = self.state;
        let counting = state.counting_account(id);
        let beside = state.former_accounts(counting).into_iter().chain([counting]);
        for other in beside.filter(|other| *other != id) {
            self.apply_due(other);
        }
    }

    /// How many units of an offer more, or fewer, an account counts after the events so far by what
    /// accounts pass on that were merged into it.
    pub(crate) fn passed_on(
        &self,
        to: &AccountId,
        offer: &OfferId,
        period: Option<(LimitPeriod, Day)>,
    ) -> i64 {
        let is_of_other = |id: &AccountId| id != to && self.state.counting_account(id) == to;
        let events = self.events.iter().filter(|it| it.account_id().is_some_and(is_of_other));
        let counts = events.flat_map(limits_of);
        let counts = counts.filter(|it| it.offer_id == *offer && it.period == period);
        counts.map(|it| it.units).sum()
    }

    /// Whether an offer on these terms is for the account.
    pub(crate) fn check_is_for(&self, account: &AccountId, terms: &Terms) -> Result<(), Refusal> {
        if let Some(tier) = terms.tier {
            self.check_tier(account, tier)?;
        }
        if let Some(segment) = terms.segment {
            self.check_segment(account, segment)?;
        }
        Ok(())
    }

    /// Whether the account has a tier, or a higher one. One that doesn't exist has none, not even
    /// the level from 0.
    fn check_tier(&self, account: &AccountId, asked: LadderTier) -> Result<(), Refusal> {
        let is_known = self.account(account).is_some();
        if is_known && self.level_of(account, asked).is_some() {
            return Ok(());
        }
        let own = self.tier(account, asked.ladder).filter(|_| is_known);
        Err(Refusal::TierRequired {
            ladder: asked.ladder,
            tier: asked.tier,
            own: own.map(|own| own.tier),
            until: own.and_then(|own| own.until),
        })
    }

    /// Whether the account is in a segment.
    fn check_segment(&self, account: &AccountId, segment: SegmentId) -> Result<(), Refusal> {
        match self.state.segment(account, segment) {
            Some((true, _)) => Ok(()),
            _ => Err(Refusal::SegmentRequired { segment }),
        }
    }

    /// Whether terms may name a tier: no tier of a ladder ever goes.
    pub(crate) fn check_named(&self, tier: LadderTier) -> Result<(), Refusal> {
        let LadderTier { ladder, tier } = tier;
        let known = self.state.ladder(ladder).ok_or(Refusal::LadderUnknown { ladder })?;
        let level = known.terms.levels.rank_of(tier);
        level.map(|_| ()).ok_or(Refusal::TierUnknown { ladder, tier })
    }

    /// Whether an offer may have these terms from now on, as far as units and tiers go. What the
    /// former terms say may stay.
    pub(crate) fn check_costs(&self, terms: &Terms, former: Option<&Terms>) -> Result<(), Refusal> {
        if former.is_none_or(|former| former.prices != terms.prices) {
            self.check_prices(&terms.prices)?;
        }
        if former.is_none_or(|former| former.tier_prices != terms.tier_prices) {
            terms.tier_prices.iter().try_for_each(|price| self.check_prices(&price.prices))?;
        }
        let mut tiers = terms.tier.into_iter().chain(terms.tier_prices.iter().map(|it| it.tier));
        tiers.try_for_each(|tier| self.check_named(tier))
    }
}

#[cfg(test)]
mod tests {
    use crate::command::{AmendOffer, ExpectedVersion, OpenOffer, SetLadder};
    use crate::scenario::*;
    use crate::{
        Command, Downgrade, EarningTerms, LadderTerms, LadderTier, Level, Levels, Multiplier,
        Prices, Returns, Terms, TierPrice, TierPrices, UnitId, Window,
    };

    /// Silver from 100 points on, and gold from 500.
    fn status() -> Command {
        let level = |tier: &str, from| Level { tier: id(tier), from: points(from) };
        let levels = Levels::try_from(vec![level("silver", 100), level("gold", 500)]);
        let terms = LadderTerms {
            unit: UnitId::POINTS,
            levels: levels.expect("levels"),
            window: Window::Ever,
            downgrade: Downgrade::ByCount,
            returns: Returns::Recount,
            adjustments: false,
        };
        let (ladder, expected) = (id("status"), ExpectedVersion::Absent);
        Command::SetLadder(SetLadder { ladder, terms, expected })
    }

    fn tier(tier: &str) -> LadderTier {
        LadderTier { ladder: id("status"), tier: id(tier) }
    }

    fn tier_prices(prices: &[(&str, u64)]) -> TierPrices {
        let price = |(name, amount): &(&str, u64)| {
            let prices = Prices::of_points(points(*amount));
            TierPrice { tier: tier(name), prices }
        };
        let prices: Box<[_]> = prices.iter().map(price).collect();
        prices.try_into().expect("prices by tier")
    }

    /// The same offer for those who have a tier, and with prices by tier.
    fn tiered(needed: Option<&str>, prices: &[(&str, u64)], command: Command) -> Command {
        let (tier, tier_prices) = (needed.map(tier), tier_prices(prices));
        match command {
            Command::OpenOffer(it) => {
                let terms = Terms { tier, tier_prices, ..it.terms };
                Command::OpenOffer(OpenOffer { terms, ..it })
            }
            Command::AmendOffer(it) => {
                let terms = Terms { tier, tier_prices, ..it.terms };
                Command::AmendOffer(AmendOffer { terms, ..it })
            }
            _ => unreachable!(),
        }
    }

    #[test]
    fn an_offer_for_a_tier_is_refused_to_those_who_lack_it() {
        let mug = |limit| tiered(Some("silver"), &[], open_with("mug", 300, Some(2), limit));
        given([])
            .does(status())
            .does(mug(None))
            .refuses(redeem_many("ann", "x-1", "mug", 3), "sold-out")
            .refuses(redeem("ann", "x-1", "mug"), "tier-required")
            .does(earn("ann", 99, "B-1"))
            .refuses(expecting(1, "ann", "x-1", "mug"), "tier-required")
            .does(earn("ann", 301, "B-2"))
            .refuses(expecting(1, "ann", "x-1", "mug"), "price-changed")
            .does(withdraw("ann", "w-1", "B-2"))
            .refuses(redeem("ann", "x-1", "mug"), "tier-required")
            .does(earn("ann", 300, "B-3"))
            .does(redeem("ann", "x-1", "mug"));
        let shut = given([]).does(status()).does(mug(None)).does(close("mug"));
        shut.refuses(redeem("ann", "x-1", "mug"), "offer-not-open");
    }

    #[test]
    fn an_account_that_doesnt_exist_has_no_tier_that_an_offer_is_for() {
        let levels = ladder(Window::Ever, &[("bronze", 0), ("silver", 100)]);
        given([])
            .does(make_ladder("status", levels))
            .does(tiered(Some("bronze"), &[], open("mug", 100, None)))
            .refuses(redeem("ann", "x-1", "mug"), "tier-required")
            .does(open_account("ann"))
            .refuses(redeem("ann", "x-1", "mug"), "insufficient-credit");
    }

    #[test]
    fn the_price_of_the_highest_tier_counts_and_the_exchange_says_which() {
        let mug = || tiered(None, &[("gold", 60), ("silver", 80)], open("mug", 100, None));
        let paid = |story: Scenario, account: &str, cost: u64, tier: Option<&str>| {
            let redeemed = story.when(redeem(account, "x-1", "mug"));
            redeemed.then_exchanges(cost, tier.map(self::tier))
        };
        let story = given([]).does(status()).does(mug());
        let story = story
            .does(earn("ann", 99, "B-1"))
            .does(earn("bob", 499, "B-2"))
            .does(earn("cat", 500, "B-3"))
            .refuses(redeem("ann", "x-1", "mug"), "insufficient-credit");
        let story = paid(story, "bob", 80, Some("silver"));
        let story = paid(story, "cat", 60, Some("gold"));
        let dearer = tiered(None, &[("silver", 80), ("gold", 90)], amend("mug", 100, None, 1));
        let story = story.does(dearer).does(earn("dan", 500, "B-4"));
        paid(story, "dan", 90, Some("gold"));
    }

    #[test]
    fn the_tier_that_an_offer_is_for_counts_where_no_price_is_a_tiers() {
        let story = given([])
            .does(status())
            .does(tiered(Some("silver"), &[("gold", 60)], open("mug", 100, None)))
            .does(earn("ann", 100, "B-1"));
        story.when(redeem("ann", "x-1", "mug")).then_exchanges(100, Some(tier("silver")));
    }

    #[test]
    fn a_hold_is_captured_for_the_price_of_the_tier() {
        given([])
            .does(status())
            .does(tiered(Some("silver"), &[("gold", 60)], open("mug", 100, None)))
            .does(earn("ann", 500, "B-1"))
            .does(earn("bob", 99, "B-2"))
            .does(hold("ann", "h-1", 70, 1_000))
            .does(hold("bob", "h-1", 70, 1_000))
            .refuses(capture_for("bob", "h-1", "x-1", "mug"), "tier-required")
            .when(capture_for("ann", "h-1", "x-1", "mug"))
            .then_exchanges(60, Some(tier("gold")))
            .leaves("ann", [440, 0, 0, 0]);
    }

    #[test]
    fn a_purchase_earns_by_the_tier_before_it() {
        let multiplier = |name: &str, percent| {
            let tier = Some(tier(name));
            Multiplier { from: None, until: None, tier, percent }
        };
        let multipliers = vec![multiplier("silver", 150), multiplier("gold", 200)];
        let terms = EarningTerms { multipliers, backdate_days: 31, ..rate(100) };
        let buys = |id: &str, amount| purchase("ann", id, None, &[("tv", 1, amount)]);
        given([])
            .does(status())
            .does(rule("default", terms, ExpectedVersion::Absent))
            .does(buys("B-1", 99))
            .does(buys("B-2", 10))
            .leaves("ann", [109, 0, 0, 0])
            .at(100)
            // Also one that happened before the tier was reached.
            .does(purchase_at(0, "ann", "B-3", 300))
            .leaves("ann", [559, 0, 0, 0])
            .does(buys("B-4", 10))
            .leaves("ann", [579, 0, 0, 0]);
    }

    #[test]
    fn terms_name_tiers_that_there_are() {
        let of = |ladder: &str, name: &str| LadderTier { ladder: id(ladder), tier: id(name) };
        let unknown =
            [(of("club", "gold"), "ladder-unknown"), (of("status", "jade"), "tier-unknown")];
        for (tier, code) in unknown {
            let multiplier = Multiplier { tier: Some(tier), ..during(1, 2, 200) };
            let by_rule = EarningTerms { multipliers: vec![multiplier], ..rate(1) };
            let Command::OpenOffer(it) = open("mug", 100, None) else { unreachable!() };
            let terms = Terms { tier: Some(tier), ..it.terms.clone() };
            let for_tier = OpenOffer { terms, ..it.clone() };
            let price = TierPrice { tier, prices: Prices::of_points(points(1)) };
            let prices: Box<[_]> = [price].into();
            let tier_prices = prices.try_into().expect("prices");
            let by_tier = OpenOffer { terms: Terms { tier_prices, ..it.terms.clone() }, ..it };
            given([])
                .does(status())
                .refuses(rule("r", by_rule, ExpectedVersion::Absent), code)
                .refuses(Command::OpenOffer(for_tier), code)
                .refuses(Command::OpenOffer(by_tier), code);
        }
    }
}

//! What an exchange is asked for with, whether credit pays it at once or a hold does.

use super::rules::first_different;
use crate::account::OfferNumber;
use crate::draft::Draft;
use crate::price::are_same;
use crate::{
    Account, AccountId, Allocation, Ask, DeliverTo, ExchangeCreated, ExchangeId, ExchangeKey,
    HoldId, Inventory, LadderTier, LimitDays, LimitPeriod, OfUnit, Offer, OfferId, Points,
    PreviewedCost, Price, Prices, Refusal, Terms, Timestamp, UnitId, Units,
};

/// An order for goods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The exchange's id, made by the caller.
    pub exchange_id: ExchangeId,
    /// What is redeemed.
    pub offer_id: OfferId,
    /// The number of units.
    pub quantity: Units,
    /// Where to ship; an offer that isn't shipped needs no address, and keeps none.
    pub deliver_to: Option<DeliverTo>,
    /// What the caller expects it to cost in all, of an offer that costs one unit; any other cost
    /// is refused.
    pub expected_points: Option<Points>,
    /// Likewise of all units, in any order.
    pub expected_prices: Option<Box<[Price]>>,
}

/// An order that the offer can meet.
pub(super) struct Priced<'a> {
    number: OfferNumber,
    pub(super) offer: &'a Offer,
    /// What is taken of the offer's stock, and what that leaves; nothing where the units must come
    /// from the offer's home first.
    taken: Option<(Allocation, Inventory)>,
    /// What it costs.
    pub(super) needed: Prices,
    /// The tier that counted: that of the price or, where no price is a tier's, that which the
    /// offer is for.
    pub(super) tier: Option<LadderTier>,
    /// The periods in which it counts towards the offer's limits.
    pub(super) counted: LimitDays,
}

impl<'a> Priced<'a> {
    /// What an order of an offer that is sold out would count towards.
    pub(super) fn of_nothing(
        number: OfferNumber,
        offer: &'a Offer,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let (needed, counted) = (offer.terms.prices.clone(), offer.terms.limit_days(now)?);
        Ok(Self { number, offer, taken: None, needed, tier: None, counted })
    }

    /// Whether its units are on the shelf.
    pub(super) const fn is_here(&self) -> bool {
        self.taken.is_some()
    }

    /// What the cost draws on of each unit; the first unit that lacks is the answer.
    pub(super) fn draw(
        &self,
        draft: &Draft<'_>,
        account: &Account,
    ) -> Result<Vec<PreviewedCost>, Refusal> {
        let costs = self.needed.iter().map(|Price { unit, points }| {
            let wallet = account.wallet(draft.unit_number(unit)?);
            let available = wallet.available();
            let lots = wallet.draw(points);
            let lots =
                lots.ok_or(Refusal::InsufficientCredit { unit, needed: points, available })?;
            let available_after = available.minus(points).unwrap_or_default();
            Ok(PreviewedCost { unit, points, lots, available, available_after })
        });
        costs.collect()
    }
}

impl Order {
    /// Stock is looked at before everything else that the offer or the account could be refused
    /// for: the gate in front of the writer's queue knows the stock only, and must not answer
    /// otherwise than this does. The account's tiers are those after the draft's events so far.
    /// Where credit pays that was set aside, it is of the unit `held`.
    pub(super) fn price<'a>(
        &self,
        draft: &mut Draft<'a>,
        account: &AccountId,
        held: Option<UnitId>,
    ) -> Result<Priced<'a>, Refusal> {
        let priced = self.price_of_goods(draft, account, held)?;
        if priced.offer.terms.ships && self.deliver_to.is_none() {
            return Err(Refusal::DeliverToMissing);
        }
        if priced.offer.terms.codes && self.quantity != Units::ONE {
            return Err(Refusal::OneCodeAtATime { asked: self.quantity });
        }
        Ok(priced)
    }

    /// The same wherever the goods go.
    pub(super) fn price_of_goods<'a>(
        &self,
        draft: &mut Draft<'a>,
        account: &AccountId,
        held: Option<UnitId>,
    ) -> Result<Priced<'a>, Refusal> {
        let offer = draft.state.numbered_offer(&self.offer_id);
        let (number, offer) = offer.ok_or(Refusal::OfferUnknown)?;
        draft.apply_due_beside(account);
        draft.take_turn(number, account);
        let mut allocated = draft.allocate(number, offer, self.quantity, Some(account));
        if allocated.is_none() {
            draft.end_due_reservations(number, offer, self.quantity, Some(account));
            allocated = draft.allocate(number, offer, self.quantity, Some(account));
        }
        if allocated.is_none()
            && !draft.state.is_shared()
            && let Some(remaining) = draft.left_for(number, offer, account)
        {
            return Err(Refusal::SoldOut { remaining, asked: self.quantity });
        }
        offer.check_open(draft.now)?;
        let terms = &offer.terms;
        draft.check_is_for(account, terms)?;
        let (prices, tier) = prices_for(draft, account, terms);
        // What is free costs nothing of any unit.
        let other = |unit: UnitId| prices.due().find(|price| price.unit != unit);
        if let Some((unit, Price { unit: asked, .. })) = held.zip(held.and_then(other)) {
            return Err(Refusal::UnitMismatch { unit, asked });
        }
        if allocated.is_none() && offer.inventory.remaining().is_none() {
            return Err(Refusal::AmountTooLarge {
                what: "the offer's units sold",
                unit: OfUnit(None),
            });
        }
        let needed = prices.times(self.quantity);
        let needed = needed
            .ok_or(Refusal::AmountTooLarge { what: "price times quantity", unit: OfUnit(None) })?;
        self.check_cost(&needed)?;
        let counted = terms.limit_days(draft.now)?;
        Ok(Priced { number, offer, taken: allocated, needed, tier, counted })
    }

    /// Whether it costs what the caller expects, where the caller expects something.
    pub(super) fn check_cost(&self, needed: &Prices) -> Result<(), Refusal> {
        let first = needed.first();
        let of_one = self.expected_points.map(|points| [Price { points, ..first }]);
        let expected = [of_one.as_ref().map(|it| &it[..]), self.expected_prices.as_deref()];
        for expected in expected.into_iter().flatten() {
            if let Some((unit, needed, expected)) = needed.first_difference(expected) {
                let what = "The cost is";
                return Err(Refusal::PriceChanged { what, unit, needed, expected });
            }
        }
        Ok(())
    }

    /// Whether the shopper may have so many more; of several limits that are reached, that of the
    /// longest period is the answer. Where the account was merged, the counts of the other one are
    /// looked at, if that lives in the same partition.
    pub(super) fn check_limits(
        &self,
        priced: &Priced<'_>,
        draft: &Draft<'_>,
        (id, account): (&AccountId, &Account),
    ) -> Result<(), Refusal> {
        let counting = draft.state.counting_account(id);
        let other = draft.account(counting).filter(|_| counting != id);
        let account = other.unwrap_or(account);
        // What is due in accounts that were merged was recorded before.
        let with_passed = |taken: Units, period| {
            let passed = draft.passed_on(counting, &self.offer_id, period);
            Units::sum_of(taken.get().saturating_add_signed(passed)).unwrap_or(Units::MOST)
        };
        let taken = with_passed(account.taken(priced.number), None);
        let taken_then = taken.plus(self.quantity).ok_or(Refusal::AmountTooLarge {
            what: "the shopper's count of the offer",
            unit: OfUnit(None),
        })?;
        let (terms, asked) = (&priced.offer.terms, self.quantity);
        if let Some(limit) = terms.limit_per_shopper
            && taken_then > limit
        {
            let (period, renews_at) = (LimitPeriod::Ever, None);
            return Err(Refusal::ShopperLimitReached { limit, taken, asked, period, renews_at });
        }
        for (period, limit) in terms.period_limits.iter() {
            let Some(first) = priced.counted.of(period) else { continue };
            let taken = account.taken_in(priced.number, period, first);
            let taken = with_passed(taken, Some((period, first)));
            if taken.plus(asked).is_none_or(|then| then > limit) {
                let renews_at = terms.renews_at(period, priced.counted);
                return Err(Refusal::ShopperLimitReached {
                    limit,
                    taken,
                    asked,
                    period,
                    renews_at,
                });
            }
        }
        Ok(())
    }

    /// The event that creates the exchange, which takes the stock; or what is to be asked of the
    /// offer's home, for nothing else hinders the exchange.
    pub(super) fn created(
        &self,
        priced: Priced<'_>,
        draft: &mut Draft<'_>,
        account: &AccountId,
        hold_id: Option<HoldId>,
        occurred_at: Option<Timestamp>,
    ) -> Result<ExchangeCreated, Ask> {
        let allocation = self.take(&priced, draft, account)?;
        let terms = &priced.offer.terms;
        Ok(ExchangeCreated {
            exchange_id: self.exchange_id.clone(),
            offer_id: self.offer_id.clone(),
            product_id: terms.product_id.clone(),
            allocation,
            prices: priced.needed,
            tier: priced.tier,
            counted: priced.counted,
            warehouse: terms.ships.then(|| terms.warehouse.clone()),
            hold_id,
            expected_points: self.expected_points,
            expected_prices: self.expected_prices.clone(),
            occurred_at,
            deliver_to: self.deliver_to.clone().filter(|_| terms.ships),
        })
    }

    /// Takes the stock; or says what is to be asked of the offer's home.
    pub(super) fn take(
        &self,
        priced: &Priced<'_>,
        draft: &mut Draft<'_>,
        account: &AccountId,
    ) -> Result<Allocation, Ask> {
        let Some((allocation, left)) = &priced.taken else {
            let (account_id, exchange_id) = (account.clone(), self.exchange_id.clone());
            let key = ExchangeKey { account_id, exchange_id };
            return Err(Ask { offer_id: self.offer_id.clone(), key, units: self.quantity });
        };
        draft.wait_no_more(priced.number, account);
        draft.sell(priced.number, *left);
        Ok(allocation.clone())
    }

    pub(super) fn first_difference(&self, fact: &ExchangeCreated) -> Option<&'static str> {
        let [asked, recorded] =
            [&self.expected_prices, &fact.expected_prices].map(Option::as_deref);
        first_different(&[
            ("exchange_id", self.exchange_id == fact.exchange_id),
            ("offer_id", self.offer_id == fact.offer_id),
            ("quantity", self.quantity == fact.allocation.quantity()),
            ("deliver_to", fact.deliver_to.is_none() || fact.deliver_to == self.deliver_to),
            ("expected_points", self.expected_points == fact.expected_points),
            ("expected_prices", are_expected(asked, recorded)),
        ])
    }
}

/// Whether both name no prices, or the same ones in any order.
pub(super) fn are_expected(asked: Option<&[Price]>, recorded: Option<&[Price]>) -> bool {
    match (asked, recorded) {
        (Some(asked), Some(recorded)) => are_same(asked, recorded),
        (None, None) => true,
        _ => false,
    }
}

/// What one piece costs an account, and the tier that counts: that of the price or, where no price
/// is a tier's, that which the offer is for.
fn prices_for<'t>(
    draft: &Draft<'_>,
    account: &AccountId,
    terms: &'t Terms,
) -> (&'t Prices, Option<LadderTier>) {
    match terms.tier_prices.that_counts(|tier| draft.level_of(account, tier)) {
        Some(of_tier) => (&of_tier.prices, Some(of_tier.tier)),
        None => (&terms.prices, terms.tier),
    }
}

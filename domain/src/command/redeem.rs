//! Exchange credit for goods: deduct, take the stock, ask for shipping, all or nothing.

use super::{Decision, first_different};
use crate::{
    AccountId, CreditDeducted, DeliverTo, Event, ExchangeCreated, ExchangeId, OfferId, Points,
    Refusal, State, Timestamp, Units,
};

/// Redeems an offer. The exchange id is the key: asked for again, it is the same exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeem {
    /// Who pays.
    pub account_id: AccountId,
    /// The exchange's id, made by the caller.
    pub exchange_id: ExchangeId,
    /// What is redeemed.
    pub offer_id: OfferId,
    /// How many.
    pub quantity: Units,
    /// Where to ship.
    pub deliver_to: DeliverTo,
    /// What the caller expects it to cost in all; any other cost is refused.
    pub expected_points: Option<Points>,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

impl Redeem {
    /// Stock is looked at before everything else that the offer or the account could be refused
    /// for: the gate in front of the writer's queue knows the stock only, and must not answer
    /// otherwise than this does.
    pub(super) fn decide(&self, state: &State, now: Timestamp) -> Result<Decision, Refusal> {
        let (number, offer) = state.numbered_offer(&self.offer_id).ok_or(Refusal::OfferUnknown)?;
        if let Some(remaining) = offer.inventory.remaining()
            && remaining < self.quantity
        {
            return Err(Refusal::SoldOut { remaining, asked: self.quantity });
        }
        offer.check_open(now)?;
        let needed = offer
            .terms
            .price
            .times(self.quantity)
            .ok_or(Refusal::AmountTooLarge { what: "price times quantity" })?;
        if let Some(expected) = self.expected_points
            && expected != needed
        {
            return Err(Refusal::PriceChanged { needed, expected });
        }
        let account = state.account(&self.account_id).ok_or(Refusal::AccountUnknown)?;
        let taken = account.taken(number);
        let taken_then = taken
            .plus(self.quantity)
            .ok_or(Refusal::AmountTooLarge { what: "the shopper's count of the offer" })?;
        if let Some(limit) = offer.terms.limit_per_shopper
            && taken_then > limit
        {
            return Err(Refusal::ShopperLimitReached { limit, taken, asked: self.quantity });
        }
        let lots = account
            .draw(needed)
            .ok_or(Refusal::InsufficientCredit { needed, available: account.available() })?;

        let deducted =
            CreditDeducted { exchange_id: self.exchange_id.clone(), points: needed, lots };
        let created = ExchangeCreated {
            exchange_id: self.exchange_id.clone(),
            offer_id: self.offer_id.clone(),
            product_id: offer.terms.product_id.clone(),
            quantity: self.quantity,
            points: needed,
            warehouse: offer.terms.warehouse.clone(),
            hold_id: None,
            expected_points: self.expected_points,
            occurred_at: self.occurred_at,
            deliver_to: Some(self.deliver_to.clone()),
        };
        Ok(Decision::Record(vec![
            Event::CreditDeducted(self.account_id.clone(), deducted),
            Event::ExchangeCreated(self.account_id.clone(), created),
        ]))
    }

    pub(super) fn first_difference(&self, fact: &ExchangeCreated) -> Option<&'static str> {
        first_different(&[
            ("offer_id", self.offer_id == fact.offer_id),
            ("quantity", self.quantity == fact.quantity),
            ("deliver_to", fact.deliver_to.as_ref().is_none_or(|kept| *kept == self.deliver_to)),
            ("expected_points", self.expected_points == fact.expected_points),
            ("occurred_at", self.occurred_at == fact.occurred_at),
        ])
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

    #[test]
    fn a_redemption_is_a_deduction_and_an_exchange() {
        given([opened("mug", 300, None), earned("ann", 500, "B-1")])
            .when(redeem("ann", "x-1", "mug"))
            .then([deducted("ann", "x-1", &[(3, 300)]), exchanged("ann", "x-1", "mug", 300)]);
    }

    #[test]
    fn the_oldest_lot_is_spent_first() {
        given([opened("mug", 300, None), earned("ann", 200, "B-1"), earned("ann", 500, "B-2")])
            .when(redeem("ann", "x-1", "mug"))
            .then([
                deducted("ann", "x-1", &[(3, 200), (4, 100)]),
                exchanged("ann", "x-1", "mug", 300),
            ]);
    }

    #[test]
    fn the_same_exchange_id_is_the_same_exchange() {
        redeemed().when(redeem("ann", "x-1", "mug")).then_repeats(5);
    }

    #[test]
    fn an_exchange_id_belongs_to_its_account() {
        given([opened("mug", 300, None), earned("ann", 500, "B-1"), earned("bob", 500, "B-1")])
            .and(redemption("ann", "x-1", "mug", 3, 300))
            .when(redeem("bob", "x-1", "mug"))
            .then([deducted("bob", "x-1", &[(4, 300)]), exchanged("bob", "x-1", "mug", 300)]);
    }

    #[test]
    fn every_field_that_differs_under_the_same_id_is_named() {
        redeemed().when(redeem("ann", "x-1", "cup")).then_differs_from(5, "offer_id");
        redeemed().when(two("ann", "x-1", "mug")).then_differs_from(5, "quantity");
        redeemed().when(elsewhere("ann", "x-1", "mug")).then_differs_from(5, "deliver_to");
        redeemed()
            .when(expecting(300, "ann", "x-1", "mug"))
            .then_differs_from(5, "expected_points");
    }

    #[test]
    fn a_refused_id_may_be_asked_again() {
        given([opened("mug", 300, None), earned("ann", 100, "B-1")])
            .when(redeem("ann", "x-1", "mug"))
            .then_refused("insufficient-credit");
        given([opened("mug", 300, None), earned("ann", 100, "B-1"), earned("ann", 200, "B-2")])
            .when(redeem("ann", "x-1", "mug"))
            .then([
                deducted("ann", "x-1", &[(3, 100), (4, 200)]),
                exchanged("ann", "x-1", "mug", 300),
            ]);
    }

    /// Each step mends what the step before was refused for.
    #[test]
    fn refusals_come_in_their_order_of_precedence() {
        let one = || two("ann", "x-1", "mug");
        given([]).when(one()).then_refused("offer-unknown");
        let limited = |price, stock| opened_with("mug", price, Some(stock), Some(1));
        given([limited(9_007_199_254_740_991, 1)]).when(one()).then_refused("sold-out");
        given([limited(9_007_199_254_740_991, 2), closed("mug")])
            .when(one())
            .then_refused("offer-not-open");
        given([limited(9_007_199_254_740_991, 2)]).when(one()).then_refused("amount-too-large");
        given([limited(300, 2)])
            .when(expecting(1, "ann", "x-1", "mug"))
            .then_refused("price-changed");
        given([limited(300, 2)]).when(one()).then_refused("account-unknown");
        given([limited(300, 2), earned("ann", 1, "B-1")])
            .when(one())
            .then_refused("shopper-limit-reached");
        given([opened_with("mug", 300, Some(2), Some(2)), earned("ann", 1, "B-1")])
            .when(one())
            .then_refused("insufficient-credit");
    }

    #[test]
    fn an_offer_takes_redemptions_within_its_window_only() {
        let shop = || given([opened_between("mug", 300, 1_000, 2_000), earned("ann", 500, "B-1")]);
        shop().at(999).when(redeem("ann", "x-1", "mug")).then_refused("offer-not-open");
        shop().at(2_000).when(redeem("ann", "x-1", "mug")).then_refused("offer-not-open");
        shop()
            .at(1_000)
            .when(redeem("ann", "x-1", "mug"))
            .then([deducted("ann", "x-1", &[(3, 300)]), exchanged("ann", "x-1", "mug", 300)]);
    }

    #[test]
    fn the_last_unit_is_sold_and_not_one_more() {
        let shop = || {
            given([
                opened("mug", 300, Some(1)),
                earned("ann", 500, "B-1"),
                earned("bob", 500, "B-1"),
            ])
        };
        shop()
            .when(redeem("bob", "x-1", "mug"))
            .then([deducted("bob", "x-1", &[(4, 300)]), exchanged("bob", "x-1", "mug", 300)]);
        shop()
            .and(redemption("ann", "x-1", "mug", 3, 300))
            .when(redeem("bob", "x-1", "mug"))
            .then_refused("sold-out");
    }

    fn redeemed() -> Scenario {
        given([opened("mug", 300, None), earned("ann", 900, "B-1")])
            .and(redemption("ann", "x-1", "mug", 3, 300))
    }
}

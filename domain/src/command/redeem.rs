//! Exchange credit for goods: deduct, take the stock, ask for shipping, all or nothing. What costs
//! nothing has no deduction.

use super::Order;
use super::order::Priced;
use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    AccountId, CreditDeducted, Decision, Event, IdHash, Points, Preview, PreviewedCost, Refusal,
    Timestamp, Wait,
};

/// Redeems an offer. The exchange id is the key. A repeat returns the same exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeem {
    /// The paying account.
    pub account_id: AccountId,
    /// The goods.
    pub order: Order,
    /// The time that the caller reported.
    pub occurred_at: Option<Timestamp>,
}

impl CommandRules for Redeem {
    fn name(&self) -> &'static str {
        "redeem"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::exchange(&self.account_id, &self.order.exchange_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let (priced, drawn) = self.draw(&mut draft)?;
        let grace = draft.grace();
        let account = &self.account_id;
        let created = match self.order.created(priced, &mut draft, account, None, self.occurred_at)
        {
            Ok(created) => created,
            Err(ask) => return Ok(Decision::Wait(Wait::Units(ask))),
        };
        for PreviewedCost { unit, points, lots, .. } in drawn {
            let exchange_id = self.order.exchange_id.clone();
            let deducted = CreditDeducted { exchange_id, unit, points, lots, grace };
            if deducted.points > Points::ZERO {
                draft.push(Event::CreditDeducted(self.account_id.clone(), deducted));
            }
        }
        draft.push_outcome(Event::ExchangeCreated(self.account_id.clone(), created));
        Ok(draft.finish())
    }

    fn preview(&self, mut draft: Draft<'_>) -> Option<Result<Preview, Refusal>> {
        Some(self.draw(&mut draft).map(|(priced, costs)| Preview { costs, tier: priced.tier }))
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::ExchangeCreated(_, fact) = event else { return OTHER_CALL };
        self.order.first_difference(fact).or_else(|| {
            first_different(&[
                ("hold_id", fact.hold_id.is_none()),
                ("occurred_at", self.occurred_at == fact.occurred_at),
            ])
        })
    }
}

impl Redeem {
    /// The cost, and what it draws on of each unit that it costs; the first unit that lacks is the
    /// answer.
    fn draw<'a>(&self, draft: &mut Draft<'a>) -> Result<(Priced<'a>, Vec<PreviewedCost>), Refusal> {
        draft.apply_due(&self.account_id);
        let priced = self.order.price(draft, &self.account_id, None)?;
        let account = draft.account(&self.account_id).ok_or(Refusal::AccountUnknown)?;
        self.order.check_limits(&priced, draft, (&self.account_id, account))?;
        let costs = priced.draw(draft, account)?;
        Ok((priced, costs))
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

    /// Each case removes the previous case's refusal.
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
        given([limited(300, 2)])
            .when(without_address("ann", "x-1", "mug"))
            .then_refused("deliver-to-missing");
        given([limited(300, 2)]).when(one()).then_refused("account-unknown");
        given([limited(300, 2), earned("ann", 1, "B-1")])
            .when(one())
            .then_refused("shopper-limit-reached");
        given([opened_with("mug", 300, Some(2), Some(2)), earned("ann", 1, "B-1")])
            .when(one())
            .then_refused("insufficient-credit");
    }

    #[test]
    fn what_is_free_is_exchanged_without_a_deduction() {
        given([opened("mug", 0, Some(2)), earned("ann", 1, "B-1")])
            .when(redeem("ann", "x-1", "mug"))
            .then([exchanged("ann", "x-1", "mug", 0)]);
        given([])
            .does(open_with("mug", 0, Some(3), Some(2)))
            .refuses(redeem("ann", "x-1", "mug"), "account-unknown")
            .does(earn("ann", 1, "B-1"))
            .refuses(expecting(1, "ann", "x-1", "mug"), "price-changed")
            .does(two("ann", "x-1", "mug"))
            .refuses(redeem("ann", "x-2", "mug"), "shopper-limit-reached")
            .does(cancel("ann", "x-1", "c-1", Some(1)))
            .does(redeem("ann", "x-2", "mug"))
            .does(cancel("ann", "x-1", "c-2", None))
            .leaves("ann", [1, 0, 0, 0])
            .when(redeem("ann", "x-3", "mug"))
            .then_records(["ExchangeCreated"]);
    }

    #[test]
    fn an_offer_of_several_units_is_paid_of_each_in_its_order_or_not_at_all() {
        let prices = [("miles", 5), ("points", 100)];
        given([])
            .does(make_unit("miles"))
            .does(costing(&prices, open("mug", 1, None)))
            .does(earn("ann", 500, "B-1"))
            .refuses(two("ann", "x-1", "mug"), "insufficient-credit")
            .does(in_unit("miles", earn("ann", 25, "M-1")))
            .when(two("ann", "x-1", "mug"))
            .then_records(["CreditDeducted", "CreditDeducted", "ExchangeCreated"])
            .leaves("ann", [300, 0, 0, 0])
            .leaves_of("ann", "miles", [15, 0, 0, 0])
            .does(two("ann", "x-2", "mug"))
            .refuses(redeem_many("ann", "x-3", "mug", 2), "insufficient-credit")
            .leaves("ann", [100, 0, 0, 0])
            .leaves_of("ann", "miles", [5, 0, 0, 0]);
    }

    #[test]
    fn a_cost_of_several_units_is_expected_whole_and_in_any_order() {
        let shop = || {
            given([])
                .does(make_unit("miles"))
                .does(costing(&[("points", 100), ("miles", 5)], open("mug", 1, None)))
                .does(earn("ann", 500, "B-1"))
                .does(in_unit("miles", earn("ann", 25, "M-1")))
        };
        let expecting = |prices: &[(&str, u64)]| expecting_prices(prices, "ann", "x-1", "mug");
        let whole = expecting(&[("miles", 5), ("points", 100)]);
        let of_points_alone = crate::scenario::expecting(100, "ann", "x-1", "mug");
        shop()
            .refuses(expecting(&[("points", 100)]), "price-changed")
            .refuses(expecting(&[("points", 100), ("miles", 6)]), "price-changed")
            .refuses(of_points_alone, "price-changed")
            .does(whole.clone())
            .when(whole)
            .then_repeats(8);
        shop()
            .does(redeem("ann", "x-1", "mug"))
            .when(expecting(&[("points", 100), ("miles", 5)]))
            .then_differs_from(8, "expected_prices");
    }

    #[test]
    fn what_is_not_shipped_needs_no_address_and_keeps_none() {
        let code =
            || given([]).does(unshipped(open("code", 300, None))).does(earn("ann", 900, "B-1"));
        code()
            .does(without_address("ann", "x-1", "code"))
            .when(redeem("ann", "x-1", "code"))
            .then_repeats(5);
        code()
            .does(redeem("ann", "x-1", "code"))
            .refuses(cancel("ann", "x-1", "c-1", None), "handed-over")
            .does(cancel_by_operator("ann", "x-1", "c-1"))
            .leaves("ann", [900, 0, 0, 0]);
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
    fn a_window_begins_and_ends_at_its_microsecond() {
        let shop = || given([opened_between("mug", 300, 1_000, 2_000), earned("ann", 500, "B-1")]);
        for (micros, is_open) in [
            (999_999_999, false),
            (1_000_000_000, true),
            (1_999_999_999, true),
            (2_000_000_000, false),
        ] {
            let (_, decided) = shop().at_micros(micros).decides(redeem("ann", "x-1", "mug"));
            let refused = decided.err().map(|refusal| refusal.code());
            assert_eq!(refused.is_none(), is_open, "at {micros}");
            assert!(refused.is_none_or(|code| code == "offer-not-open"), "{refused:?}");
        }
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

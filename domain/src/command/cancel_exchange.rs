//! Cancel an exchange, whole or by quantity, and give back what it cost.

use log_record::Position;

use super::refund::Cancelling;
use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    AccountId, AskedUnits, BackFor, CancellationId, Decision, Event, ExchangeCancelled, ExchangeId,
    IdHash, Note, OriginalExchange, Refusal, Shipped, Timestamp, Units,
};

/// Cancels units of an exchange that haven't left the warehouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelExchange {
    /// The account.
    pub account_id: AccountId,
    /// The exchange.
    pub exchange_id: ExchangeId,
    /// The cancellation's id, made by the caller.
    pub cancellation_id: CancellationId,
    /// How many units; without it, all that are left.
    pub quantity: Option<Units>,
    /// Whether an operator asks, and not the shopper: neither a settlement hinders an operator, nor
    /// that it was handed over.
    pub by_operator: bool,
    /// Who, and why.
    pub note: Note,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
    /// The exchange as it was created; without it, deciding asks for it.
    pub original: Option<OriginalExchange>,
}

impl CommandRules for CancelExchange {
    fn name(&self) -> &'static str {
        "cancel-exchange"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::cancellation(&self.account_id, &self.exchange_id, &self.cancellation_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let shipped = Shipped::ExchangeId(self.exchange_id.clone());
        let at = draft.state.asked_at(&self.account_id, &shipped);
        let at = at.ok_or(Refusal::ExchangeUnknown)?;
        let before = draft.state.cancelled(at);
        if before.is_all() {
            return Err(Refusal::AlreadyCancelled);
        }
        if draft.state.has_left(&self.account_id, &shipped) {
            return Err(Refusal::ExchangeDispatched);
        }
        if !self.by_operator && draft.state.is_settled(&self.account_id, &shipped) {
            return Err(Refusal::ShipmentSettled);
        }
        let Some(original) = self.original.as_ref().filter(|original| original.position == at)
        else {
            return Ok(Decision::Load(at));
        };
        if !original.ships && !self.by_operator {
            return Err(Refusal::HandedOver);
        }
        let left = original.ordered.quantity.minus(before.quantity).unwrap_or_default();
        let left = draft.state.left_to_cancel(at, left);
        let quantity = self.quantity.unwrap_or(left);
        if quantity > left || left == Units::ZERO {
            return Err(Refusal::QuantityTooLarge { left, asked: AskedUnits(self.quantity) });
        }
        let cancelling = Cancelling {
            account_id: &self.account_id,
            exchange_id: &self.exchange_id,
            cancellation_id: self.cancellation_id.clone(),
            original,
            quantity,
            back_for: if self.by_operator { BackFor::Other } else { BackFor::OwnRequest },
        };
        let (refunded, cancelled) = cancelling.refund(&mut draft)?;
        let cancelled = ExchangeCancelled {
            asked_quantity: self.quantity,
            occurred_at: self.occurred_at,
            note: self.note.clone(),
            ..cancelled
        };
        for refunded in refunded {
            draft.come_in(Event::CreditRefunded(self.account_id.clone(), refunded));
        }
        draft.push_outcome(Event::ExchangeCancelled(self.account_id.clone(), cancelled));
        draft.apply_due_again(&self.account_id);
        Ok(draft.finish())
    }

    fn load(&mut self, before: &[Event], position: Position, event: &Event) -> Option<()> {
        self.original = Some(OriginalExchange::read(before, position, event)?);
        Some(())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::ExchangeCancelled(_, fact) = event else { return OTHER_CALL };
        self.note.first_difference(&fact.note).or_else(|| {
            first_different(&[
                ("quantity", self.quantity == fact.asked_quantity),
                ("occurred_at", self.occurred_at == fact.occurred_at),
            ])
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::command::Report;
    use crate::scenario::*;

    #[test]
    fn a_refund_that_the_account_has_no_room_for_waits() {
        let mut full = given([opened("mug", 1, None)]);
        for number in 0..10_000 {
            full = full.does(earn("ann", 1, &format!("B-{number}")));
        }
        full.does(redeem("ann", "x-1", "mug"))
            .does(earn("ann", 1, "B-10000"))
            .refuses(cancel("ann", "x-1", "c-1", None), "account-full")
            .does(redeem("ann", "x-2", "mug"))
            .does(cancel("ann", "x-1", "c-1", None))
            .leaves("ann", [10_000, 0, 0, 0]);
    }

    #[test]
    fn a_refund_that_brings_no_new_part_comes_into_a_full_account_too() {
        let mut full = given([opened("mug", 1, None)]);
        for number in 0..10_000 {
            full = full.does(earn("ann", 10, &format!("B-{number}")));
        }
        // The hold cuts a part in two, which is one more than may come in.
        full.does(hold("ann", "h-1", 1, 100))
            .does(redeem("ann", "x-1", "mug"))
            .does(cancel("ann", "x-1", "c-1", None))
            .leaves("ann", [99_999, 0, 1, 0]);
    }

    #[test]
    fn a_cancellation_gives_back_credit_stock_and_count() {
        given([opened_with("mug", 300, Some(1), Some(1)), earned("ann", 600, "B-1")])
            .does(redeem("ann", "x-1", "mug"))
            .refuses(redeem("ann", "x-2", "mug"), "sold-out")
            .when(cancel("ann", "x-1", "c-1", None))
            .then_records(["CreditRefunded", "ExchangeCancelled"])
            .leaves("ann", [600, 0, 0, 0])
            .does(redeem("ann", "x-2", "mug"))
            .when(cancel("ann", "x-1", "c-1", None))
            .then_repeats(7);
    }

    #[test]
    fn of_several_units_each_gives_its_share_back() {
        given([])
            .does(make_unit("miles"))
            .does(costing(&[("points", 100), ("miles", 5)], open("mug", 1, None)))
            .does(earn("ann", 300, "B-1"))
            .does(in_unit("miles", earn("ann", 15, "M-1")))
            .does(redeem_many("ann", "x-1", "mug", 3))
            .when(cancel("ann", "x-1", "c-1", Some(2)))
            .then_records(["CreditRefunded", "CreditRefunded", "ExchangeCancelled"])
            .leaves("ann", [200, 0, 0, 0])
            .leaves_of("ann", "miles", [10, 0, 0, 0])
            .when(reject("ann", "x-1"))
            .then_records([
                "ShipmentRejected",
                "CreditRefunded",
                "CreditRefunded",
                "ExchangeCancelled",
            ])
            .leaves("ann", [300, 0, 0, 0])
            .leaves_of("ann", "miles", [15, 0, 0, 0]);
    }

    #[test]
    fn the_stock_of_a_closed_offer_comes_back_too() {
        given([opened("mug", 300, Some(1)), earned("ann", 300, "B-1")])
            .does(redeem("ann", "x-1", "mug"))
            .does(close("mug"))
            .does(cancel("ann", "x-1", "c-1", None))
            .leaves("ann", [300, 0, 0, 0]);
    }

    /// 200 were drawn from the lot that expires at 100 and 400 from the one that never does; the
    /// first unit to be cancelled gives back the end of that.
    #[test]
    fn a_refund_undoes_the_drawing_from_its_end() {
        given([opened("mug", 300, None)])
            .does(earn_until(100, "ann", 200, "B-1"))
            .does(earn("ann", 400, "B-2"))
            .does(two("ann", "x-1", "mug"))
            .does(cancel("ann", "x-1", "c-1", Some(1)))
            .at(100)
            .sweeps()
            .leaves("ann", [300, 0, 0, 0]);
    }

    const DAY: i64 = 24 * 60 * 60;

    #[test]
    fn what_an_operator_cancels_can_be_spent_for_the_days_of_grace_at_least() {
        const GRACE_ENDS: i64 = 31 * DAY;
        // It has expired, would within the grace, or won't; a graced part ends at the grace's end.
        for (expires, ends) in
            [(50, GRACE_ENDS), (100 + DAY, GRACE_ENDS), (GRACE_ENDS + DAY, GRACE_ENDS + DAY)]
        {
            let refunded =
                || redeemed_until(expires).at(100).does(cancel_by_operator("ann", "x-1", "c-1"));
            refunded().at(ends - 1).does(redeem("ann", "x-2", "mug"));
            refunded().at(ends).refuses(redeem("ann", "x-2", "mug"), "insufficient-credit");
        }
    }

    #[test]
    fn what_the_shopper_cancels_has_no_grace_unless_the_policy_says_so() {
        redeemed_until(50)
            .at(100)
            .when(cancel("ann", "x-1", "c-1", None))
            .then_records(["CreditRefunded", "ExchangeCancelled", "CreditExpired"])
            .leaves("ann", [0, 0, 0, 0]);
        redeemed_until(100 + DAY)
            .at(100)
            .does(cancel("ann", "x-1", "c-1", None))
            .at(100 + DAY)
            .sweeps()
            .leaves("ann", [0, 0, 0, 0]);
        given([opened("mug", 300, None)])
            .does(grace_for_all(7))
            .does(earn_until(50, "ann", 300, "B-1"))
            .does(redeem("ann", "x-1", "mug"))
            .at(100)
            .does(cancel("ann", "x-1", "c-1", None))
            .at(8 * DAY - 1)
            .sweeps()
            .leaves("ann", [300, 0, 0, 0])
            .at(8 * DAY)
            .sweeps()
            .leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn the_grace_is_what_was_promised_when_the_credit_was_spent() {
        redeemed_until(50)
            .does(policy(crate::SpentCredit::Refuse, 0))
            .at(100)
            .does(cancel_by_operator("ann", "x-1", "c-1"))
            .leaves("ann", [300, 0, 0, 0]);
    }

    fn redeemed_until(expires: i64) -> Scenario {
        given([opened("mug", 300, None)])
            .does(earn_until(expires, "ann", 300, "B-1"))
            .does(redeem("ann", "x-1", "mug"))
    }

    #[test]
    fn without_grace_it_expires_at_once() {
        given([opened("mug", 300, None)])
            .does(policy(crate::SpentCredit::Refuse, 0))
            .does(earn_until(50, "ann", 300, "B-1"))
            .does(redeem("ann", "x-1", "mug"))
            .at(100)
            .when(cancel_by_operator("ann", "x-1", "c-1"))
            .then_records(["CreditRefunded", "ExchangeCancelled", "CreditExpired"])
            .leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn only_what_is_left_of_an_exchange_is_cancelled() {
        given([opened("mug", 300, None), earned("ann", 300, "B-1")])
            .refuses(cancel("ann", "x-1", "c-1", None), "exchange-unknown")
            .does(redeem("ann", "x-1", "mug"))
            .refuses(cancel("ann", "x-1", "c-1", Some(2)), "quantity-too-large")
            .does(cancel("ann", "x-1", "c-1", Some(1)))
            .when(cancel("ann", "x-1", "c-1", None))
            .then_differs_from(7, "quantity");
    }

    #[test]
    fn what_is_wholly_cancelled_is_cancelled_already() {
        let ordered = || {
            given([opened("mug", 300, None), earned("ann", 300, "B-1")])
                .does(redeem("ann", "x-1", "mug"))
        };
        ordered()
            .does(cancel("ann", "x-1", "c-1", None))
            .refuses(cancel("ann", "x-1", "c-2", None), "already-cancelled")
            .refuses(cancel("ann", "x-1", "c-2", Some(1)), "already-cancelled");
        ordered()
            .does(reject("ann", "x-1"))
            .refuses(cancel("ann", "x-1", "c-1", None), "already-cancelled");
    }

    #[test]
    fn what_an_operator_settled_only_an_operator_cancels() {
        given([opened("mug", 300, None), earned("ann", 300, "B-1")])
            .does(redeem("ann", "x-1", "mug"))
            .does(report("ann", "x-1", Report::Settled))
            .refuses(cancel("ann", "x-1", "c-1", None), "shipment-settled")
            .does(cancel_by_operator("ann", "x-1", "c-1"))
            .leaves("ann", [300, 0, 0, 0]);
    }
}

//! A warehouse won't ship: what is left of an exchange is cancelled, and its credit comes back.

use log_record::Position;

use super::refund::Cancelling;
use super::rules::{CommandRules, OTHER_CALL, Owner};
use crate::draft::Draft;
use crate::{
    AccountId, BackFor, CancellationId, Decision, Event, ExchangeCancelled, IdHash, Note,
    OriginalExchange, Refusal, ShipmentReport, Shipped, ShippedLine, State, Subject, Timestamp,
    Units,
};

/// Records that a warehouse won't ship what is left of a request. An exchange is cancelled as far
/// as it hasn't left; of a purchase, which was paid with money, only the fact is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectShipment {
    /// Whose goods they are.
    pub account_id: AccountId,
    /// What was to be shipped.
    pub shipped: Shipped,
    /// The lines that the request asked for.
    pub asked: Vec<ShippedLine>,
    /// Who, and why; the shopper may read why.
    pub note: Note,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
    /// The exchange as it was created; without it, deciding asks for it.
    pub original: Option<OriginalExchange>,
}

impl CommandRules for RejectShipment {
    fn name(&self) -> &'static str {
        "reject-shipment"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::rejection(&self.account_id, &self.shipped))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let unknown = match &self.shipped {
            Shipped::ExchangeId(_) => Refusal::ExchangeUnknown,
            Shipped::PurchaseId(_) => Refusal::PurchaseUnknown,
        };
        let at = draft.state.asked_at(&self.account_id, &self.shipped).ok_or(unknown)?;
        if draft.state.has_left(&self.account_id, &self.shipped) {
            return Err(Refusal::ExchangeDispatched);
        }
        // What an operator saw to may have reached the shopper: no refund goes out by itself.
        if draft.state.is_settled(&self.account_id, &self.shipped) {
            return Err(Refusal::ShipmentSettled);
        }
        let before = draft.state.cancelled(at);
        let Shipped::ExchangeId(exchange_id) = &self.shipped else { return Ok(self.alone()) };
        if before.is_all() {
            return Ok(self.alone());
        }
        let Some(original) = self.original.as_ref().filter(|original| original.position == at)
        else {
            return Ok(Decision::Load(at));
        };
        let cancelling = Cancelling {
            account_id: &self.account_id,
            exchange_id,
            cancellation_id: CancellationId::of_rejection(),
            original,
            quantity: draft.state.left_to_cancel(
                at,
                original.ordered.quantity.minus(before.quantity).unwrap_or(Units::ZERO),
            ),
            back_for: BackFor::Other,
        };
        let (refunded, cancelled) = cancelling.refund(&mut draft)?;
        let cancelled = ExchangeCancelled { occurred_at: self.occurred_at, ..cancelled };
        draft.push_outcome(self.rejected());
        for refunded in refunded {
            draft.come_in(Event::CreditRefunded(self.account_id.clone(), refunded));
        }
        draft.push(Event::ExchangeCancelled(self.account_id.clone(), cancelled));
        draft.apply_due_again(&self.account_id);
        Ok(draft.finish())
    }

    fn load(&mut self, before: &[Event], position: Position, event: &Event) -> Option<()> {
        self.original = Some(OriginalExchange::read(before, position, event)?);
        Some(())
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Subject::shipment(state, &self.account_id, &self.shipped, &self.asked)
    }

    /// Who tells it again may stamp it again: when it happened stays as it was told first.
    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::ShipmentRejected(_, fact) = event else { return OTHER_CALL };
        self.note.first_difference(&fact.note)
    }
}

impl RejectShipment {
    fn alone(&self) -> Decision {
        Decision::of(self.rejected())
    }

    fn rejected(&self) -> Event {
        let fact = ShipmentReport {
            shipped: self.shipped.clone(),
            dispatch_id: None,
            occurred_at: self.occurred_at,
            note: self.note.clone(),
        };
        Event::ShipmentRejected(self.account_id.clone(), fact)
    }
}

#[cfg(test)]
mod tests {
    use super::RejectShipment;
    use crate::command::Report;
    use crate::scenario::*;
    use crate::{Command, Note, Shipped, ShippingStatus};

    #[test]
    fn a_rejection_gives_back_credit_stock_and_count() {
        given([opened_with("mug", 300, Some(1), Some(1)), earned("ann", 300, "B-1")])
            .does(redeem("ann", "x-1", "mug"))
            .refuses(redeem("ann", "x-2", "mug"), "sold-out")
            .when(reject("ann", "x-1"))
            .then_records(["ShipmentRejected", "CreditRefunded", "ExchangeCancelled"])
            .leaves("ann", [300, 0, 0, 0])
            .does(redeem("ann", "x-2", "mug"))
            .when(reject("ann", "x-1"))
            .then_repeats(6);
    }

    #[test]
    fn what_fell_due_stands_before_it_and_what_follows_after_it() {
        given([opened("mug", 300, None)])
            .does(policy(crate::SpentCredit::Refuse, 0))
            .does(earn_until(50, "ann", 300, "B-1"))
            .does(earn_until(60, "ann", 10, "B-2"))
            .does(redeem("ann", "x-1", "mug"))
            .at(100)
            .when(reject("ann", "x-1"))
            .then_records([
                "CreditExpired",
                "ShipmentRejected",
                "CreditRefunded",
                "ExchangeCancelled",
                "CreditExpired",
            ])
            .when(reject("ann", "x-1"))
            .then_repeats(9);
    }

    #[test]
    fn only_what_is_left_comes_back() {
        let bought = || {
            given([opened("mug", 300, Some(2)), earned("ann", 601, "B-1")])
                .does(two("ann", "x-1", "mug"))
                .does(cancel("ann", "x-1", "c-1", Some(1)))
                .leaves("ann", [301, 0, 0, 0])
        };
        bought()
            .when(reject("ann", "x-1"))
            .then_records(["ShipmentRejected", "CreditRefunded", "ExchangeCancelled"])
            .leaves("ann", [601, 0, 0, 0])
            .refuses(cancel("ann", "x-1", "c-2", None), "already-cancelled");
        bought()
            .does(cancel("ann", "x-1", "c-2", None))
            .when(reject("ann", "x-1"))
            .then_records(["ShipmentRejected"])
            .leaves("ann", [601, 0, 0, 0]);
    }

    #[test]
    fn a_rejection_after_the_first_parcel_gives_back_what_has_not_left() {
        given([opened("mug", 300, None), earned("ann", 600, "B-1")])
            .does(two("ann", "x-1", "mug"))
            .does(dispatch_some("ann", "x-1", "p-1", 1, 2))
            .when(reject("ann", "x-1"))
            .then_records(["ShipmentRejected", "CreditRefunded", "ExchangeCancelled"])
            .leaves("ann", [300, 0, 0, 0])
            .shows_shipment("ann", "x-1", 2, ShippingStatus::Rejected, 0);
        given([opened("mug", 300, None), earned("ann", 600, "B-1")])
            .does(two("ann", "x-1", "mug"))
            .does(dispatch_some("ann", "x-1", "p-1", 1, 2))
            .does(dispatch_some("ann", "x-1", "p-2", 1, 2))
            .refuses(reject("ann", "x-1"), "exchange-dispatched");
    }

    #[test]
    fn a_rejected_purchase_is_a_fact_and_no_more() {
        given([])
            .does(purchase("ann", "B-1", Some(300), &[("tv", 1, 30_000)]))
            .when(reject_purchase("ann", "B-1"))
            .then_records(["ShipmentRejected"])
            .leaves("ann", [300, 0, 0, 0]);
    }

    #[test]
    fn what_has_left_or_was_settled_is_not_rejected() {
        redeemed()
            .does(dispatch("ann", "x-1"))
            .refuses(reject("ann", "x-1"), "exchange-dispatched");
        redeemed()
            .does(report("ann", "x-1", Report::Delivered))
            .does(report("ann", "x-1", Report::Settled))
            .refuses(reject("ann", "x-1"), "exchange-dispatched");
        redeemed()
            .does(report("ann", "x-1", Report::Settled))
            .refuses(reject("ann", "x-1"), "shipment-settled");
        given([]).refuses(reject("ann", "x-1"), "exchange-unknown");
        given([]).refuses(reject_purchase("ann", "B-1"), "purchase-unknown");
    }

    #[test]
    fn what_is_told_of_a_rejected_parcel_is_recorded_and_takes_nothing_again() {
        redeemed()
            .does(report("ann", "x-1", Report::Accepted))
            .does(reject("ann", "x-1"))
            .does(report("ann", "x-1", Report::BackOrdered))
            .does(dispatch("ann", "x-1"))
            .does(report("ann", "x-1", Report::Delivered))
            .does(report("ann", "x-1", Report::Settled))
            .leaves("ann", [300, 0, 0, 0]);
    }

    #[test]
    fn another_reason_under_the_same_request_is_named() {
        let because = |reason| {
            let (account_id, shipped) = (id("ann"), Shipped::ExchangeId(id("x-1")));
            let note = Note { by: None, reason: Some(id(reason)) };
            let (asked, occurred_at, original) = (vec![], None, None);
            let it = RejectShipment { account_id, shipped, asked, note, occurred_at, original };
            Command::RejectShipment(it)
        };
        redeemed().does(because("damaged")).when(because("lost")).then_differs_from(6, "reason");
    }

    fn redeemed() -> Scenario {
        given([opened("mug", 300, None), earned("ann", 300, "B-1")])
            .does(redeem("ann", "x-1", "mug"))
    }
}

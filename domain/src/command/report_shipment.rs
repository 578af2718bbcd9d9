//! What becomes of a parcel, where there is nothing to decide about it.

use log_record::Position;

use super::rules::{CommandRules, OTHER_CALL, Owner};
use crate::draft::Draft;
use crate::{
    AccountId, Decision, DispatchId, Event, IdHash, Note, Refusal, ShipmentReport, Shipped,
    ShippedLine, State, Subject, Timestamp,
};

/// Records what was told of a shipping request. It is a fact, so nothing speaks against it: what is
/// told late, such as an acceptance after the dispatch, is recorded too, and brings nothing back.
/// Only a single parcel must have left before it arrives: else nobody knows what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportShipment {
    /// Whose goods they are.
    pub account_id: AccountId,
    /// What was to be shipped.
    pub shipped: Shipped,
    /// The lines that the request asked for.
    pub asked: Vec<ShippedLine>,
    /// What is told of it; each is told once.
    pub report: Report,
    /// The one parcel that was delivered; without it, the report is about the whole request.
    pub dispatch_id: Option<DispatchId>,
    /// Who, and why.
    pub note: Note,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

/// What can be told of a shipping request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The warehouse will ship it.
    Accepted,
    /// The warehouse will ship it once it has the goods.
    BackOrdered,
    /// A parcel has arrived, or all of them.
    Delivered,
    /// An operator has seen to it by hand.
    Settled,
    /// An operator has the warehouse asked once more; this can be told again and again.
    AskedAgain,
}

impl Report {
    /// The name of the command that tells it.
    pub(super) const fn command_name(self) -> &'static str {
        match self {
            Self::Accepted => "accept-shipment",
            Self::BackOrdered => "back-order-shipment",
            Self::Delivered => "deliver-shipment",
            Self::Settled => "settle-shipment",
            Self::AskedAgain => "resend-shipment",
        }
    }
}

impl CommandRules for ReportShipment {
    fn name(&self) -> &'static str {
        self.report.command_name()
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn id_hash(&self) -> Option<IdHash> {
        if let Some(parcel) = self.parcel() {
            return Some(IdHash::parcel_delivery(&self.account_id, &self.shipped, parcel));
        }
        let id = match self.report {
            Report::Accepted => IdHash::acceptance,
            Report::BackOrdered => IdHash::back_order,
            Report::Delivered => IdHash::delivery,
            Report::Settled => IdHash::settlement,
            Report::AskedAgain => return None,
        };
        Some(id(&self.account_id, &self.shipped))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        if let Some(parcel) = self.parcel() {
            let dispatch = IdHash::dispatch(&self.account_id, &self.shipped, parcel);
            draft.state.recorded().position_of(dispatch).ok_or(Refusal::ParcelUnknown)?;
        }
        let event = match self.report {
            Report::Accepted => Event::ShipmentAccepted,
            Report::BackOrdered => Event::ShipmentBackOrdered,
            Report::Delivered => Event::ShipmentDelivered,
            Report::Settled => Event::ShipmentSettled,
            Report::AskedAgain => Event::ShipmentAskedAgain,
        };
        let fact = ShipmentReport {
            shipped: self.shipped.clone(),
            dispatch_id: self.parcel().cloned(),
            occurred_at: self.occurred_at,
            note: self.note.clone(),
        };
        Ok(Decision::of(event(self.account_id.clone(), fact)))
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Subject::shipment(state, &self.account_id, &self.shipped, &self.asked)
    }

    /// Who tells it again may stamp it again: when it happened stays as it was told first.
    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let (Event::ShipmentAccepted(_, fact)
        | Event::ShipmentBackOrdered(_, fact)
        | Event::ShipmentDelivered(_, fact)
        | Event::ShipmentSettled(_, fact)) = event
        else {
            return OTHER_CALL;
        };
        self.note.first_difference(&fact.note)
    }
}

impl ReportShipment {
    /// The one parcel that was delivered.
    fn parcel(&self) -> Option<&DispatchId> {
        self.dispatch_id.as_ref().filter(|_| self.report == Report::Delivered)
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, ReportShipment};
    use crate::scenario::*;
    use crate::{Command, Note, ShippingStatus};

    const ALL: [Report; 4] =
        [Report::Accepted, Report::BackOrdered, Report::Delivered, Report::Settled];

    #[test]
    fn each_is_told_once() {
        for told in ALL {
            redeemed()
                .does(report("ann", "x-1", told))
                .when(report("ann", "x-1", told))
                .then_repeats(6);
        }
    }

    #[test]
    fn a_warehouse_is_asked_again_as_often_as_somebody_wants_it_and_nothing_else_changes() {
        redeemed()
            .does(report("ann", "x-1", Report::AskedAgain))
            .does(report("ann", "x-1", Report::AskedAgain))
            .shows_shipment("ann", "x-1", 1, ShippingStatus::Requested, 1)
            .does(reject("ann", "x-1"))
            .does(report("ann", "x-1", Report::AskedAgain))
            .shows_shipment("ann", "x-1", 1, ShippingStatus::Rejected, 0);
    }

    #[test]
    fn another_reason_differs_and_another_time_is_the_same_told_again() {
        for told in ALL {
            let because = |reason, at: Option<i64>| {
                let Command::ReportShipment(it) = report("ann", "x-1", told) else { panic!() };
                let note = Note { by: None, reason: Some(id(reason)) };
                Command::ReportShipment(ReportShipment { note, occurred_at: at.map(time), ..it })
            };
            let told = || redeemed().does(because("late", None));
            told().when(because("lost", Some(7))).then_differs_from(6, "reason");
            told().when(because("late", Some(7))).then_repeats(6);
            told().when(because("late", None)).then_repeats(6);
        }
    }

    #[test]
    fn what_is_told_late_is_recorded_and_brings_nothing_back() {
        redeemed()
            .does(report("ann", "x-1", Report::Delivered))
            .does(dispatch("ann", "x-1"))
            .does(report("ann", "x-1", Report::BackOrdered))
            .does(report("ann", "x-1", Report::Accepted))
            .refuses(cancel("ann", "x-1", "c-1", None), "exchange-dispatched")
            .leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn a_parcel_is_delivered_once_and_only_after_it_left() {
        redeemed()
            .refuses(deliver("ann", "x-1", "p-1"), "parcel-unknown")
            .does(dispatch_some("ann", "x-1", "p-1", 1, 1))
            .does(deliver("ann", "x-1", "p-1"))
            .shows_shipment("ann", "x-1", 1, ShippingStatus::Delivered, 0)
            .when(deliver("ann", "x-1", "p-1"))
            .then_repeats(7);
    }

    #[test]
    fn a_request_is_delivered_once_all_its_parcels_are_and_nothing_is_to_be_shipped() {
        let two_mugs = || {
            given([opened("mug", 300, None), earned("ann", 600, "B-1")])
                .does(two("ann", "x-1", "mug"))
                .does(dispatch_some("ann", "x-1", "p-1", 1, 2))
                .does(deliver("ann", "x-1", "p-1"))
                .shows_shipment("ann", "x-1", 2, ShippingStatus::PartlyDispatched, 1)
        };
        two_mugs()
            .does(dispatch_some("ann", "x-1", "p-2", 1, 2))
            .shows_shipment("ann", "x-1", 2, ShippingStatus::Dispatched, 0)
            .does(deliver("ann", "x-1", "p-2"))
            .shows_shipment("ann", "x-1", 2, ShippingStatus::Delivered, 0);
        // What is not wanted any more needn't leave.
        two_mugs().does(cancel("ann", "x-1", "c-1", None)).shows_shipment(
            "ann",
            "x-1",
            2,
            ShippingStatus::Delivered,
            0,
        );
        two_mugs()
            .does(report("ann", "x-1", Report::Delivered))
            .shows_shipment("ann", "x-1", 2, ShippingStatus::Delivered, 0)
            .refuses(cancel("ann", "x-1", "c-1", None), "exchange-dispatched");
    }

    #[test]
    fn what_was_accepted_or_is_awaited_can_still_be_cancelled() {
        redeemed()
            .does(report("ann", "x-1", Report::Accepted))
            .does(report("ann", "x-1", Report::BackOrdered))
            .does(cancel("ann", "x-1", "c-1", None))
            .leaves("ann", [300, 0, 0, 0]);
    }

    fn redeemed() -> Scenario {
        given([opened("mug", 300, None), earned("ann", 300, "B-1")])
            .does(redeem("ann", "x-1", "mug"))
    }
}

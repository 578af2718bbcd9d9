//! What becomes of a parcel, where there is nothing to decide about it.

use super::rules::{CommandRules, OTHER_CALL, Owner};
use crate::draft::Draft;
use crate::{
    AccountId, Decision, Event, IdHash, Note, Refusal, ShipmentReport, Shipped, Timestamp,
};

/// Records what was told of a shipping request. It is a fact, so nothing speaks against it: what is
/// told late, such as an acceptance after the dispatch, is recorded too, and brings nothing back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportShipment {
    /// Whose goods they are.
    pub account_id: AccountId,
    /// What was to be shipped.
    pub shipped: Shipped,
    /// What is told of it; each is told once.
    pub report: Report,
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
    /// The parcel has arrived.
    Delivered,
    /// An operator has seen to it by hand.
    Settled,
}

impl Report {
    /// The name of the command that tells it.
    pub(super) const fn command_name(self) -> &'static str {
        match self {
            Self::Accepted => "accept-shipment",
            Self::BackOrdered => "back-order-shipment",
            Self::Delivered => "deliver-shipment",
            Self::Settled => "settle-shipment",
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

    fn id_hash(&self) -> Option<IdHash> {
        let id = match self.report {
            Report::Accepted => IdHash::acceptance,
            Report::BackOrdered => IdHash::back_order,
            Report::Delivered => IdHash::delivery,
            Report::Settled => IdHash::settlement,
        };
        Some(id(&self.account_id, &self.shipped))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, _: Draft<'_>) -> Result<Decision, Refusal> {
        let event = match self.report {
            Report::Accepted => Event::ShipmentAccepted,
            Report::BackOrdered => Event::ShipmentBackOrdered,
            Report::Delivered => Event::ShipmentDelivered,
            Report::Settled => Event::ShipmentSettled,
        };
        let fact = ShipmentReport {
            shipped: self.shipped.clone(),
            occurred_at: self.occurred_at,
            note: self.note.clone(),
        };
        Ok(Decision::of(event(self.account_id.clone(), fact)))
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

#[cfg(test)]
mod tests {
    use super::{Report, ReportShipment};
    use crate::scenario::*;
    use crate::{Command, Note};

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

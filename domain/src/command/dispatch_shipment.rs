//! A parcel leaves the warehouse.

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    AccountId, Carrier, Decision, Event, ExpressNo, IdHash, Refusal, ShipmentDispatched, Shipped,
    Timestamp,
};

/// Records that a parcel left. It is a fact, so nothing speaks against it, not even that the parcel
/// isn't wanted any more ([`State::unwanted`](crate::State::unwanted)): a human must see to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispatchShipment {
    /// Whose goods are in it.
    pub account_id: AccountId,
    /// What is in it.
    pub shipped: Shipped,
    /// Who carries it.
    pub carrier: Carrier,
    /// The carrier's number for it.
    pub express_no: ExpressNo,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

impl CommandRules for DispatchShipment {
    fn name(&self) -> &'static str {
        "dispatch-shipment"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::dispatch(&self.account_id, &self.shipped))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, _: Draft<'_>) -> Result<Decision, Refusal> {
        let fact = ShipmentDispatched {
            shipped: self.shipped.clone(),
            carrier: self.carrier.clone(),
            express_no: self.express_no.clone(),
            occurred_at: self.occurred_at,
        };
        Ok(Decision::of(Event::ShipmentDispatched(self.account_id.clone(), fact)))
    }

    /// Who tells it again may stamp it again: when it happened stays as it was told first.
    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::ShipmentDispatched(_, fact) = event else { return OTHER_CALL };
        first_different(&[
            ("carrier", self.carrier == fact.carrier),
            ("express_no", self.express_no == fact.express_no),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::DispatchShipment;
    use crate::command::Report;
    use crate::scenario::*;
    use crate::{Command, Unwanted};

    #[test]
    fn a_parcel_leaves_once() {
        given([opened("mug", 300, None), earned("ann", 300, "B-1")])
            .does(redeem("ann", "x-1", "mug"))
            .does(dispatch("ann", "x-1"))
            .when(dispatch("ann", "x-1"))
            .then_repeats(6);
    }

    #[test]
    fn a_parcel_that_is_told_of_again_at_another_time_is_the_same() {
        let Command::DispatchShipment(again) = dispatch("ann", "x-1") else { panic!() };
        let again = DispatchShipment { occurred_at: Some(time(7)), ..again };
        given([opened("mug", 300, None), earned("ann", 300, "B-1")])
            .does(redeem("ann", "x-1", "mug"))
            .does(dispatch("ann", "x-1"))
            .when(Command::DispatchShipment(again))
            .then_repeats(6);
    }

    #[test]
    fn a_parcel_that_is_not_wanted_any_more_leaves_all_the_same() {
        let redeemed = || {
            given([opened("mug", 300, None), earned("ann", 600, "B-1")])
                .does(two("ann", "x-1", "mug"))
        };
        redeemed()
            .does(cancel("ann", "x-1", "c-1", Some(1)))
            .wants("ann", "x-1", None)
            .does(cancel("ann", "x-1", "c-2", None))
            .does(dispatch("ann", "x-1"))
            .wants("ann", "x-1", Some(Unwanted::Cancelled));
        redeemed()
            .does(report("ann", "x-1", Report::Settled))
            .does(dispatch("ann", "x-1"))
            .wants("ann", "x-1", Some(Unwanted::Settled))
            .leaves("ann", [0, 0, 0, 0]);
        redeemed()
            .does(reject("ann", "x-1"))
            .does(dispatch("ann", "x-1"))
            .wants("ann", "x-1", Some(Unwanted::Rejected))
            .leaves("ann", [600, 0, 0, 0]);
    }
}

//! A parcel leaves the warehouse.

use super::{Decision, first_different};
use crate::{AccountId, Carrier, Event, ExpressNo, ShipmentDispatched, Shipped, Timestamp};

/// Records that a parcel left. It is a fact, so nothing speaks against it.
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

impl DispatchShipment {
    pub(super) fn decide(&self) -> Decision {
        let fact = ShipmentDispatched {
            shipped: self.shipped.clone(),
            carrier: self.carrier.clone(),
            express_no: self.express_no.clone(),
            occurred_at: self.occurred_at,
        };
        Decision::of(Event::ShipmentDispatched(self.account_id.clone(), fact))
    }

    pub(super) fn first_difference(&self, fact: &ShipmentDispatched) -> Option<&'static str> {
        first_different(&[
            ("carrier", self.carrier == fact.carrier),
            ("express_no", self.express_no == fact.express_no),
            ("occurred_at", self.occurred_at == fact.occurred_at),
        ])
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

    #[test]
    fn a_parcel_leaves_once() {
        given([opened("mug", 300, None), earned("ann", 300, "B-1")])
            .does(redeem("ann", "x-1", "mug"))
            .does(dispatch("ann", "x-1"))
            .when(dispatch("ann", "x-1"))
            .then_repeats(6);
    }
}

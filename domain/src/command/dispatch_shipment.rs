//! A parcel leaves the warehouse.

use log_record::Position;

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    AccountId, Carrier, Decision, DispatchId, Event, ExpressNo, IdHash, PARCELS_MAX, ParcelLines,
    Refusal, ShipmentDispatched, Shipped, ShippedLine, State, Subject, Timestamp, TrackingUrl,
};

/// Records that a parcel left. It is a fact, so hardly anything speaks against it, not even that
/// the parcel isn't wanted ([`State::unwanted_parcel`](crate::State::unwanted_parcel)): a human
/// must see to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispatchShipment {
    /// Whose goods are in it.
    pub account_id: AccountId,
    /// Which request it is of.
    pub shipped: Shipped,
    /// The lines that the request asked for.
    pub asked: Vec<ShippedLine>,
    /// The parcel's id, made by the caller.
    pub dispatch_id: DispatchId,
    /// What is in it, each product once; without it, all that is still to be shipped. The parcel
    /// [`DispatchId::whole`] always has all.
    pub lines: Option<Vec<ShippedLine>>,
    /// Who carries it.
    pub carrier: Carrier,
    /// The carrier's number for it.
    pub express_no: ExpressNo,
    /// Where the shopper can follow it.
    pub tracking_url: Option<TrackingUrl>,
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

    fn goes_on(&self) -> bool {
        true
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::dispatch(&self.account_id, &self.shipped, &self.dispatch_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        let unknown = match &self.shipped {
            Shipped::ExchangeId(_) => Refusal::ExchangeUnknown,
            Shipped::PurchaseId(_) => Refusal::PurchaseUnknown,
        };
        draft.state.asked_at(&self.account_id, &self.shipped).ok_or(unknown)?;
        let lines = self.parcel_lines(draft.state)?;
        if draft.state.parcel_count(&self.account_id, &self.shipped) >= PARCELS_MAX {
            return Err(Refusal::TooManyParcels { max: PARCELS_MAX.into() });
        }
        let fact = ShipmentDispatched {
            shipped: self.shipped.clone(),
            dispatch_id: self.dispatch_id.clone(),
            lines,
            carrier: self.carrier.clone(),
            express_no: self.express_no.clone(),
            tracking_url: self.tracking_url.clone(),
            occurred_at: self.occurred_at,
        };
        Ok(Decision::of(Event::ShipmentDispatched(self.account_id.clone(), fact)))
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Subject::shipment(state, &self.account_id, &self.shipped, &self.asked)
    }

    /// Who tells it again may stamp it again: when it happened stays as it was told first.
    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::ShipmentDispatched(_, fact) = event else { return OTHER_CALL };
        let same_lines = match (self.named(), &fact.lines) {
            (None, ParcelLines::Rest(_)) => true,
            (Some(asked), ParcelLines::Named { lines, .. }) => {
                asked.len() == lines.len() && asked.iter().all(|line| lines.contains(line))
            }
            (None, ParcelLines::Named { .. }) | (Some(_), ParcelLines::Rest(_)) => false,
        };
        first_different(&[
            ("lines", same_lines),
            ("carrier", self.carrier == fact.carrier),
            ("express_no", self.express_no == fact.express_no),
            ("tracking_url", self.tracking_url == fact.tracking_url),
        ])
    }
}

impl DispatchShipment {
    /// The lines that the caller named.
    fn named(&self) -> Option<&[ShippedLine]> {
        let is_whole = self.dispatch_id == DispatchId::whole();
        self.lines.as_deref().filter(|_| !is_whole)
    }

    /// What is in the parcel, in the order of the request's lines.
    fn parcel_lines(&self, state: &State) -> Result<ParcelLines, Refusal> {
        let Some(named) = self.named() else {
            let to_ship = state.to_ship(&self.account_id, &self.shipped, &self.asked);
            let has_left = to_ship.is_empty();
            return Ok(ParcelLines::Rest(if has_left { self.asked.clone() } else { to_ship }));
        };
        let is_asked = |line: &&ShippedLine| {
            self.asked.iter().any(|asked| asked.product_id == line.product_id)
        };
        if let Some(index) = named.iter().position(|line| !is_asked(&line)) {
            return Err(Refusal::LineUnknown { line: index as u64 + 1 });
        }
        let in_order = self.asked.iter().filter_map(|asked| {
            named.iter().find(|line| line.product_id == asked.product_id).cloned()
        });
        Ok(ParcelLines::Named { lines: in_order.collect(), of: self.asked.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::DispatchShipment;
    use crate::command::Report;
    use crate::scenario::*;
    use crate::{Command, ShippingStatus, Unwanted};

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

    #[test]
    fn a_request_leaves_in_several_parcels() {
        two_mugs()
            .shows_shipment("ann", "x-1", 2, ShippingStatus::Requested, 2)
            .does(dispatch_some("ann", "x-1", "p-1", 1, 2))
            .shows_shipment("ann", "x-1", 2, ShippingStatus::PartlyDispatched, 1)
            .does(dispatch_some("ann", "x-1", "p-2", 1, 2))
            .shows_shipment("ann", "x-1", 2, ShippingStatus::Dispatched, 0)
            .refuses(cancel("ann", "x-1", "c-1", None), "exchange-dispatched");
    }

    #[test]
    fn the_parcel_with_everything_has_what_the_others_left() {
        two_mugs()
            .does(dispatch_some("ann", "x-1", "p-1", 1, 2))
            .when(dispatch_of("ann", "x-1", 2))
            .then_sends(1)
            .shows_shipment("ann", "x-1", 2, ShippingStatus::Dispatched, 0);
        // Under another id, too.
        two_mugs()
            .when(dispatch_rest("ann", "x-1", "p-1", 2))
            .then_sends(2)
            .shows_shipment("ann", "x-1", 2, ShippingStatus::Dispatched, 0)
            .refuses(cancel("ann", "x-1", "c-1", None), "exchange-dispatched");
    }

    #[test]
    fn what_has_not_left_can_be_cancelled_and_no_more() {
        two_mugs()
            .does(dispatch_some("ann", "x-1", "p-1", 1, 2))
            .refuses(cancel("ann", "x-1", "c-1", Some(2)), "quantity-too-large")
            .does(cancel("ann", "x-1", "c-1", None))
            .leaves("ann", [300, 0, 0, 0])
            .shows_shipment("ann", "x-1", 2, ShippingStatus::Dispatched, 0)
            .wants("ann", "x-1", None)
            .refuses(cancel("ann", "x-1", "c-2", None), "exchange-dispatched");
    }

    #[test]
    fn a_parcel_with_more_than_is_wanted_is_a_surplus() {
        two_mugs()
            .does(cancel("ann", "x-1", "c-1", Some(1)))
            .when(dispatch_some("ann", "x-1", "p-1", 2, 2))
            .then_is_unwanted(Some(Unwanted::Surplus))
            .shows_shipment("ann", "x-1", 2, ShippingStatus::Dispatched, 0);
        two_mugs()
            .when(dispatch_of("ann", "x-1", 2))
            .then_is_unwanted(None)
            .when(dispatch_some("ann", "x-1", "p-1", 1, 2))
            .then_is_unwanted(Some(Unwanted::Surplus))
            .when(dispatch_rest("ann", "x-1", "p-2", 2))
            .then_is_unwanted(Some(Unwanted::Surplus));
    }

    #[test]
    fn a_parcel_has_only_what_was_asked_for() {
        let unknown = |product| {
            let Command::DispatchShipment(mut it) = dispatch_some("ann", "x-1", "p-1", 1, 2) else {
                panic!()
            };
            it.lines = Some(vec![line("product", 1), line(product, 1)]);
            Command::DispatchShipment(it)
        };
        two_mugs().refuses(unknown("spoon"), "line-unknown");
        given([]).refuses(dispatch("ann", "x-1"), "exchange-unknown");
    }

    #[test]
    fn the_same_parcel_with_other_lines_is_named() {
        let sent = || two_mugs().does(dispatch_some("ann", "x-1", "p-1", 1, 2));
        sent().when(dispatch_some("ann", "x-1", "p-1", 1, 2)).then_repeats(6);
        sent().when(dispatch_some("ann", "x-1", "p-1", 2, 2)).then_differs_from(6, "lines");
        sent().when(dispatch_rest("ann", "x-1", "p-1", 2)).then_differs_from(6, "lines");
    }

    #[test]
    fn a_request_has_a_hundred_parcels_at_most() {
        let mut story = two_mugs();
        for number in 0..crate::PARCELS_MAX {
            story = story.does(dispatch_some("ann", "x-1", &format!("p-{number}"), 1, 2));
        }
        story.refuses(dispatch_some("ann", "x-1", "p-100", 1, 2), "too-many-parcels");
    }

    #[test]
    fn a_return_changes_what_is_to_be_shipped_only_until_the_first_parcel_has_left() {
        let bought = || {
            given([]).does(purchase(
                "ann",
                "B-1",
                Some(300),
                &[("tv", 2, 30_000), ("cable", 1, 10)],
            ))
        };
        let some = |parcel, product| {
            dispatch_purchase("ann", "B-1", parcel, &[("tv", 2), ("cable", 1)], &[(product, 1)])
        };
        bought()
            .does(bring_back("ann", "B-1", "r-1", Some(&[("tv", 1)])))
            .does(some("p-1", "tv"))
            .does(bring_back("ann", "B-1", "r-2", None))
            .shows_purchase("ann", "B-1", &[("tv", 2), ("cable", 1)], "partly-dispatched", 1)
            .does(some("p-2", "cable"))
            .shows_purchase("ann", "B-1", &[("tv", 2), ("cable", 1)], "dispatched", 0);
        bought()
            .does(bring_back("ann", "B-1", "r-1", None))
            .shows_purchase("ann", "B-1", &[("tv", 2), ("cable", 1)], "cancelled", 0)
            .does(some("p-1", "tv"))
            .shows_purchase("ann", "B-1", &[("tv", 2), ("cable", 1)], "cancelled", 0);
    }

    /// Two mugs for 300 each.
    fn two_mugs() -> Scenario {
        given([opened("mug", 300, None), earned("ann", 600, "B-1")]).does(two("ann", "x-1", "mug"))
    }
}

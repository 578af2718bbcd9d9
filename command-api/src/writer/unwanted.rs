//! The alarm for goods that have left and that nobody wants.

use domain::{Event, Shipped, State};
use log_record::{Partition, Place};

/// Says so in the program's log where a parcel is told to have left that was cancelled, rejected or
/// settled, or that has more in it than was to be shipped: a human must see to it. It is said when
/// that is decided, before the event is applied, so once more where the append fails and is tried
/// again.
pub(super) fn warn_if_unwanted(state: &State, partition: Partition, event: &Event) {
    let (account, shipped, why) = match event {
        Event::ShipmentDispatched(account, fact) => {
            (account, &fact.shipped, state.unwanted_parcel(account, fact))
        }
        // Of one that was told to be dispatched it was said then, if it had to be.
        Event::ShipmentDelivered(account, fact)
            if state.parcel_count(account, &fact.shipped) == 0 =>
        {
            (account, &fact.shipped, state.unwanted(account, &fact.shipped))
        }
        _ => return,
    };
    let Some(why) = why else { return };
    let (kind, id) = match shipped {
        Shipped::ExchangeId(id) => ("exchange", id.as_str()),
        Shipped::PurchaseId(id) => ("purchase", id.as_str()),
    };
    // The shipping request's id ends in these numbers.
    let asked_at = state.asked_at(account, shipped);
    let asked_at = asked_at.map(|position| Place { partition, position }.to_string());
    tracing::warn!(
        account_id = %account,
        kind,
        id,
        asked_at,
        why = why.as_str(),
        "a parcel has left that is not wanted any more: see to it by hand"
    );
}

//! What an event is about.

use domain::{Event, ExchangeId, OfferId, RefundCause, Shipped};

/// The exchange that an event is about.
pub(crate) const fn exchange_of(event: &Event) -> Option<&ExchangeId> {
    match event {
        Event::CreditDeducted(_, fact) => Some(&fact.exchange_id),
        Event::CreditRefunded(_, fact) => match &fact.cause {
            RefundCause::Cancellation { exchange_id, .. } => Some(exchange_id),
            RefundCause::Capture(_) => None,
        },
        Event::ExchangeCreated(_, fact) => Some(&fact.exchange_id),
        Event::ExchangeCancelled(_, fact) => Some(&fact.exchange_id),
        Event::ShipmentDispatched(_, fact) => exchange_shipped(&fact.shipped),
        Event::ShipmentAccepted(_, fact)
        | Event::ShipmentBackOrdered(_, fact)
        | Event::ShipmentDelivered(_, fact)
        | Event::ShipmentRejected(_, fact)
        | Event::ShipmentAskedAgain(_, fact)
        | Event::ShipmentSettled(_, fact) => exchange_shipped(&fact.shipped),
        _ => None,
    }
}

const fn exchange_shipped(shipped: &Shipped) -> Option<&ExchangeId> {
    match shipped {
        Shipped::ExchangeId(id) => Some(id),
        Shipped::PurchaseId(_) => None,
    }
}

/// The offer that an event changes, an exchange's alone excepted.
pub(crate) const fn offer_of(event: &Event) -> Option<&OfferId> {
    match event {
        Event::OfferOpened(fact) => Some(&fact.offer_id),
        Event::OfferAmended(fact) => Some(&fact.offer_id),
        Event::OfferClosed(fact) => Some(&fact.offer_id),
        Event::OfferReopened(fact) => Some(&fact.offer_id),
        Event::StockAdded(fact) => Some(&fact.offer_id),
        Event::StockRemoved(fact) => Some(&fact.offer_id),
        Event::StockAmended(fact) => Some(&fact.offer_id),
        // The units go back to the offer.
        Event::ExchangeCancelled(_, fact) => Some(&fact.offer_id),
        _ => None,
    }
}

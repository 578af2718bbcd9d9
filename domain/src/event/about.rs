//! What an event is about, beside its account.

use crate::{Event, ExchangeId, OfferId, RefundCause, Shipped};

impl Event {
    /// Whether it is about the tiers that an account has.
    #[must_use]
    pub const fn is_of_tier(&self) -> bool {
        match self {
            Self::TierReached(..)
            | Self::TierKept(..)
            | Self::TierLapsed(..)
            | Self::TierGranted(..)
            | Self::TierGrantEnded(..)
            | Self::CountsPassedOn(..) => true,
            Self::CountsTakenOver(_, fact) => !fact.counts.ladders.is_empty(),
            _ => false,
        }
    }

    /// The exchange that it is about.
    #[must_use]
    pub const fn exchange_id(&self) -> Option<&ExchangeId> {
        match self {
            Self::CreditDeducted(_, fact) => Some(&fact.exchange_id),
            Self::CreditRefunded(_, fact) => match &fact.cause {
                RefundCause::Cancellation { exchange_id, .. } => Some(exchange_id),
                RefundCause::Capture(_) => None,
            },
            Self::ExchangeCreated(_, fact) => Some(&fact.exchange_id),
            Self::ExchangeCancelled(_, fact) => Some(&fact.exchange_id),
            Self::ShipmentDispatched(_, fact) => exchange_shipped(&fact.shipped),
            Self::ShipmentAccepted(_, fact)
            | Self::ShipmentBackOrdered(_, fact)
            | Self::ShipmentDelivered(_, fact)
            | Self::ShipmentRejected(_, fact)
            | Self::ShipmentAskedAgain(_, fact)
            | Self::ShipmentSettled(_, fact) => exchange_shipped(&fact.shipped),
            _ => None,
        }
    }

    /// The offer that it changes, an exchange's alone excepted.
    #[must_use]
    pub const fn offer_id(&self) -> Option<&OfferId> {
        match self {
            Self::OfferOpened(fact) => Some(&fact.offer_id),
            Self::OfferAmended(fact) => Some(&fact.offer_id),
            Self::OfferClosed(fact) => Some(&fact.offer_id),
            Self::OfferReopened(fact) => Some(&fact.offer_id),
            Self::OfferPaused(fact) => Some(&fact.offer_id),
            Self::OfferResumed(fact) => Some(&fact.offer_id),
            Self::StockAdded(fact) => Some(&fact.offer_id),
            Self::StockRemoved(fact) => Some(&fact.offer_id),
            Self::StockAmended(fact) => Some(&fact.offer_id),
            // Of its codes, this one counts.
            Self::CodesUploaded(fact) => Some(&fact.offer_id),
            // The units go back to the offer.
            Self::ExchangeCancelled(_, fact) => Some(&fact.offer_id),
            _ => None,
        }
    }
}

const fn exchange_shipped(shipped: &Shipped) -> Option<&ExchangeId> {
    match shipped {
        Shipped::ExchangeId(id) => Some(id),
        Shipped::PurchaseId(_) => None,
    }
}

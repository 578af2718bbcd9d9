//! From a domain event to its stored texts.

use domain::{Event, Timestamp};
use log_record::NewEvent;
use serde::Serialize;

use crate::Metadata;
use crate::private::private_of;

/// 128 random bits that keep a private text's hash from being guessed once the text is erased.
#[derive(Clone, Copy, Debug)]
pub struct Salt(pub [u8; 16]);

/// JSON could not be written, which no valid event can cause.
#[derive(Debug, thiserror::Error)]
#[error("the event could not be written as JSON")]
pub struct EncodeError(#[from] serde_json::Error);

/// The event as it is appended. `salt` is used where the event has a private text.
pub fn encode(
    event: &Event,
    recorded_at: Timestamp,
    metadata: &Metadata,
    salt: Salt,
) -> Result<NewEvent, EncodeError> {
    let (event_type, public) = match event {
        Event::LogOpened(fact) => ("log-opened", public(fact, metadata)?),
        Event::LogForked(fact) => ("log-forked", public(fact, metadata)?),
        Event::ClockDoubted(fact) => ("clock-doubted", public(fact, metadata)?),
        Event::ClockConfirmed(fact) => ("clock-confirmed", public(fact, metadata)?),
        Event::PolicyChanged(fact) => ("policy-changed", public(fact, metadata)?),
        Event::EarningRuleSet(fact) => ("earning-rule-set", public(fact, metadata)?),
        Event::CreditEarned(_, fact) => ("credit-earned", public(fact, metadata)?),
        Event::CreditDeducted(_, fact) => ("credit-deducted", public(fact, metadata)?),
        Event::CreditMatured(_, fact) => ("credit-matured", public(fact, metadata)?),
        Event::CreditExpired(_, fact) => ("credit-expired", public(fact, metadata)?),
        Event::CreditRefunded(_, fact) => ("credit-refunded", public(fact, metadata)?),
        Event::CreditWithdrawn(_, fact) => ("credit-withdrawn", public(fact, metadata)?),
        Event::DebtRepaid(_, fact) => ("debt-repaid", public(fact, metadata)?),
        Event::CreditSent(_, fact) => ("credit-sent", public(fact, metadata)?),
        Event::CreditReceived(_, fact) => ("credit-received", public(fact, metadata)?),
        Event::CreditHeld(_, fact) => ("credit-held", public(fact, metadata)?),
        Event::HoldCaptured(_, fact) => ("hold-captured", public(fact, metadata)?),
        Event::HoldSwapped(_, fact) => ("hold-swapped", public(fact, metadata)?),
        Event::HoldReleased(_, fact) => ("hold-released", public(fact, metadata)?),
        Event::ExchangeCreated(_, fact) => ("exchange-created", public(fact, metadata)?),
        Event::ExchangeCancelled(_, fact) => ("exchange-cancelled", public(fact, metadata)?),
        Event::ShipmentAccepted(_, fact) => ("shipment-accepted", public(fact, metadata)?),
        Event::ShipmentBackOrdered(_, fact) => ("shipment-back-ordered", public(fact, metadata)?),
        Event::ShipmentDispatched(_, fact) => ("shipment-dispatched", public(fact, metadata)?),
        Event::ShipmentDelivered(_, fact) => ("shipment-delivered", public(fact, metadata)?),
        Event::ShipmentRejected(_, fact) => ("shipment-rejected", public(fact, metadata)?),
        Event::ShipmentSettled(_, fact) => ("shipment-settled", public(fact, metadata)?),
        Event::PurchaseRecorded(_, fact) => ("purchase-recorded", public(fact, metadata)?),
        Event::PurchaseReturned(_, fact) => ("purchase-returned", public(fact, metadata)?),
        Event::OfferOpened(fact) => ("offer-opened", public(fact, metadata)?),
        Event::OfferAmended(fact) => ("offer-amended", public(fact, metadata)?),
        Event::OfferClosed(fact) => ("offer-closed", public(fact, metadata)?),
        Event::StockAdded(fact) => ("stock-added", public(fact, metadata)?),
    };
    let private = private_of(event).map(|private| private.text(salt)).transpose()?;
    Ok(NewEvent {
        event_type,
        version: 1,
        recorded_at: recorded_at.micros(),
        account_id: event.account_id().map(|account| account.as_str().into()),
        public,
        private,
    })
}

/// The fact's own fields, then `meta`.
fn public(fact: &impl Serialize, metadata: &Metadata) -> Result<Box<str>, EncodeError> {
    let mut text = serde_json::to_string(fact)?;
    // Reopen the object that was just written; every fact has a field, so a comma is due.
    text.pop();
    text.push_str(r#","meta":"#);
    text.push_str(&serde_json::to_string(metadata)?);
    text.push('}');
    Ok(text.into_boxed_str())
}

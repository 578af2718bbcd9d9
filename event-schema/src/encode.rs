//! From a domain event to its stored texts.

use domain::{DeliverTo, Event, Timestamp};
use log_record::{NewEvent, hex};
use serde::Serialize;

use crate::Metadata;

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
        Event::CreditEarned(_, fact) => ("credit-earned", public(fact, metadata)?),
        Event::CreditDeducted(_, fact) => ("credit-deducted", public(fact, metadata)?),
        Event::ExchangeCreated(_, fact) => ("exchange-created", public(fact, metadata)?),
        Event::OfferOpened(fact) => ("offer-opened", public(fact, metadata)?),
        Event::OfferAmended(fact) => ("offer-amended", public(fact, metadata)?),
        Event::OfferClosed(fact) => ("offer-closed", public(fact, metadata)?),
        Event::StockAdded(fact) => ("stock-added", public(fact, metadata)?),
    };
    let private = match event {
        Event::ExchangeCreated(_, fact) => {
            fact.deliver_to.as_ref().map(|to| private(to, salt)).transpose()?
        }
        _ => None,
    };
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

fn private(deliver_to: &DeliverTo, salt: Salt) -> Result<Box<str>, EncodeError> {
    #[derive(Serialize)]
    struct Private<'a> {
        salt: String,
        deliver_to: &'a DeliverTo,
    }
    let private = Private { salt: hex(&salt.0), deliver_to };
    Ok(serde_json::to_string(&private)?.into_boxed_str())
}

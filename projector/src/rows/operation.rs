//! What operators did, and what merchants and warehouses did by hand.
//!
//! Merchants' and warehouses' programs send purchases, credit and reports by the million; those are
//! in the tables of their nouns. What they take back, refund, cancel or reject is what a person
//! decided, and is here, too.

use domain::{Event, Note, RefundCause, WithdrawalCause};
use event_schema::{DecodeError, Metadata, PrivateActor, decode_actor, decode_metadata};
use postgres_connection::storable;
use read_model::Operation;

use super::{At, Rows};

impl Rows {
    /// Notes an event with the id of a command that somebody gave by hand.
    pub(super) fn note_operation(
        &mut self,
        at: At<'_>,
        event: &Event,
    ) -> Result<(), Box<DecodeError>> {
        let fork = match event {
            Event::LogForked(fact) => Some(&*fact.reason),
            _ => None,
        };
        // A key and its value are in no text: there the quotation marks have backslashes. Most
        // events are a shopper's, so few are decoded again.
        let is_operators = at.row.public.contains(r#""role":"operator""#);
        if !(is_operators || fork.is_some() || is_by_hand(event)) {
            return Ok(());
        }
        let Metadata { command, key, role, traceparent, request, beside } =
            decode_metadata(at.row)?;
        let is_logged = match role.as_deref() {
            Some("shopper") => false,
            Some("operator") => true,
            Some(_) => is_by_hand(event),
            // An operator's tool, which has no key.
            None => fork.is_some(),
        };
        if beside || !is_logged {
            return Ok(());
        }
        let PrivateActor { subject, name, reason: call_reason } = decode_actor(at.row)?;
        let Note { by, reason } = event.note().cloned().unwrap_or_default();
        let reason = reason.as_ref().map(domain::Reason::as_str).or(call_reason.as_deref());
        let text = |text: Option<&str>| text.map(storable);
        self.operations.push(Operation {
            place: at.place(),
            r#type: at.row.event_type.as_ref().into(),
            account_id: event.account_id().map(ToString::to_string),
            command: command.into_owned(),
            key_id: key.map(Into::into),
            role: role.map(Into::into),
            subject: text(subject.as_deref()),
            name: text(name.as_deref()),
            by: text(by.as_ref().map(domain::Actor::as_str)),
            reason: text(reason.or(fork)),
            request_id: request.map(Into::into),
            traceparent: traceparent.map(Into::into),
            public: at.row.public.as_ref().into(),
            recorded_at: at.recorded_at.micros(),
        });
        Ok(())
    }
}

/// Whether a person decides this, as a rule, also where the caller is a merchant or a warehouse.
fn is_by_hand(event: &Event) -> bool {
    match event {
        Event::CreditWithdrawn(_, fact) => {
            !matches!(fact.withdrawal, WithdrawalCause::Return { .. })
        }
        Event::CreditRefunded(_, fact) => matches!(fact.cause, RefundCause::Capture(_)),
        Event::WithdrawalReversed(..)
        | Event::ReturnReversed(..)
        | Event::PurchaseReturned(..)
        | Event::ExchangeCancelled(..)
        | Event::ShipmentRejected(..)
        | Event::ShipmentSettled(..) => true,
        _ => false,
    }
}

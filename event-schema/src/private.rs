//! The private text of an event: the salt, and what may have to be erased.

use std::fmt;

use domain::{Actor, Code, CreditRefunded, DeliverTo, Event, Note, Reason, RefundCause};
use log_record::Principal;
use serde::{Deserialize, Serialize};

use crate::encode::boxed;
use crate::{EncodeError, Salt};

/// The private text. Every event has one, at least with its salt.
#[derive(Serialize)]
struct PrivateText<'a> {
    salt: &'a str,
    /// Whom the caller's key or token speaks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    /// The caller's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// Why, as the request's header says.
    #[serde(skip_serializing_if = "Option::is_none")]
    call_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deliver_to: Option<&'a DeliverTo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a Actor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a Reason>,
}

/// What the domain's event has of its private text.
#[derive(Debug, Deserialize)]
pub(crate) struct PrivateFields {
    deliver_to: Option<DeliverTo>,
    code: Option<Code>,
    by: Option<Actor>,
    reason: Option<Reason>,
}

/// Who asked, and why, as the private text has it of the event that bears the command's id.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
pub struct PrivateActor {
    /// Whom the caller's key or token speaks for.
    pub subject: Option<Box<str>>,
    /// The caller's name.
    pub name: Option<Box<str>>,
    /// Why, as the request's header said. A reason in the request's body is the event's own.
    #[serde(rename = "call_reason")]
    pub reason: Option<Box<str>>,
}

impl fmt::Debug for PrivateActor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(private)")
    }
}

/// The private text of an event.
pub(crate) fn private_text(
    event: &Event,
    salt: Salt,
    principal: Option<&Principal>,
) -> Result<Box<str>, EncodeError> {
    let (deliver_to, note) = private_of(event);
    let code = match event {
        Event::CodeAdded(fact) => fact.code.as_ref(),
        _ => None,
    };
    let salt = digits(salt);
    let text = PrivateText {
        salt: str::from_utf8(&salt).unwrap_or_default(),
        subject: principal.and_then(|principal| principal.subject.as_deref()),
        name: principal.and_then(|principal| principal.name.as_deref()),
        call_reason: principal.and_then(|principal| principal.reason.as_deref()),
        deliver_to,
        code,
        by: note.and_then(|note| note.by.as_ref()),
        reason: note.and_then(|note| note.reason.as_ref()),
    };
    let has_more = principal.is_some() || deliver_to.is_some() || code.is_some() || note.is_some();
    // Without more it is `{"salt":"…"}`.
    let mut written = Vec::with_capacity(if has_more { 256 } else { 43 });
    serde_json::to_writer(&mut written, &text)?;
    boxed(written)
}

/// The salt as hexadecimal digits, without an allocation.
fn digits(Salt(salt): Salt) -> [u8; 32] {
    let digit = |four: u8| if four < 10 { b'0' + four } else { b'a' + four - 10 };
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(salt) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    digits
}

/// What is private in an event.
fn private_of(event: &Event) -> (Option<&DeliverTo>, Option<&Note>) {
    let deliver_to = match event {
        Event::ExchangeCreated(_, fact) => fact.deliver_to.as_ref(),
        Event::PurchaseRecorded(_, fact) => fact.deliver_to.as_ref(),
        _ => None,
    };
    (deliver_to, event.note())
}

/// Puts back into an event what its private text held.
pub(crate) fn restore(event: &mut Event, fields: PrivateFields) {
    let PrivateFields { deliver_to, code, by, reason } = fields;
    match event {
        Event::CodeAdded(fact) => fact.code = code,
        Event::ExchangeCreated(_, fact) => fact.deliver_to = deliver_to,
        Event::PurchaseRecorded(_, fact) => fact.deliver_to = deliver_to,
        Event::CreditEarned(_, fact) => fact.note = Note { by, reason },
        Event::CreditWithdrawn(_, fact) => fact.note = Note { by, reason },
        Event::CreditRefunded(_, CreditRefunded { cause: RefundCause::Capture(fact), .. }) => {
            fact.note = Note { by, reason };
        }
        Event::ExchangeCancelled(_, fact) => fact.note = Note { by, reason },
        Event::PurchaseReturned(_, fact) => fact.note = Note { by, reason },
        Event::TierGranted(_, fact) => fact.note = Note { by, reason },
        Event::TierGrantEnded(_, fact) => fact.note = Note { by, reason },
        Event::WithdrawalReversed(_, fact) => fact.note = Note { by, reason },
        Event::ReturnReversed(_, fact) => fact.note = Note { by, reason },
        Event::ShipmentAccepted(_, fact)
        | Event::ShipmentBackOrdered(_, fact)
        | Event::ShipmentDelivered(_, fact)
        | Event::ShipmentRejected(_, fact)
        | Event::ShipmentSettled(_, fact)
        | Event::ShipmentAskedAgain(_, fact) => fact.note = Note { by, reason },
        _ => {}
    }
}

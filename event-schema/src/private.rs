//! The private text of an event: what may have to be erased, and nothing else.

use domain::{Actor, DeliverTo, Event, Note, Reason};
use log_record::hex;
use serde::{Deserialize, Serialize};

use crate::Salt;

/// What stands in a private text beside the salt.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PrivateFields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deliver_to: Option<DeliverTo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<Actor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
}

impl PrivateFields {
    /// JSON with 128 random bits in it.
    pub(crate) fn text(&self, salt: Salt) -> Result<Box<str>, serde_json::Error> {
        #[derive(Serialize)]
        struct Salted<'a> {
            salt: String,
            #[serde(flatten)]
            fields: &'a PrivateFields,
        }
        let salted = Salted { salt: hex(&salt.0), fields: self };
        Ok(serde_json::to_string(&salted)?.into_boxed_str())
    }
}

/// What is private in an event, if anything is.
pub(crate) fn private_of(event: &Event) -> Option<PrivateFields> {
    let deliver_to = match event {
        Event::ExchangeCreated(_, fact) => fact.deliver_to.clone(),
        Event::PurchaseRecorded(_, fact) => fact.deliver_to.clone(),
        _ => None,
    };
    let Note { by, reason } = match event {
        Event::CreditEarned(_, fact) => fact.note.clone(),
        Event::CreditWithdrawn(_, fact) => fact.note.clone(),
        Event::ExchangeCancelled(_, fact) => fact.note.clone(),
        Event::PurchaseReturned(_, fact) => fact.note.clone(),
        Event::ShipmentAccepted(_, fact)
        | Event::ShipmentBackOrdered(_, fact)
        | Event::ShipmentDelivered(_, fact)
        | Event::ShipmentRejected(_, fact)
        | Event::ShipmentSettled(_, fact) => fact.note.clone(),
        _ => Note::default(),
    };
    let fields = PrivateFields { deliver_to, by, reason };
    (fields != PrivateFields::default()).then_some(fields)
}

/// Puts back into an event what its private text held.
pub(crate) fn restore(event: &mut Event, fields: PrivateFields) {
    let PrivateFields { deliver_to, by, reason } = fields;
    match event {
        Event::ExchangeCreated(_, fact) => fact.deliver_to = deliver_to,
        Event::PurchaseRecorded(_, fact) => fact.deliver_to = deliver_to,
        Event::CreditEarned(_, fact) => fact.note = Note { by, reason },
        Event::CreditWithdrawn(_, fact) => fact.note = Note { by, reason },
        Event::ExchangeCancelled(_, fact) => fact.note = Note { by, reason },
        Event::PurchaseReturned(_, fact) => fact.note = Note { by, reason },
        Event::ShipmentAccepted(_, fact)
        | Event::ShipmentBackOrdered(_, fact)
        | Event::ShipmentDelivered(_, fact)
        | Event::ShipmentRejected(_, fact)
        | Event::ShipmentSettled(_, fact) => fact.note = Note { by, reason },
        _ => {}
    }
}

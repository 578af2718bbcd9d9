//! A receipt: the events of one exchange, with the proof that a signed checkpoint has them.
//!
//! It is what `GET /v1/accounts/{account_id}/exchanges/{exchange_id}/receipt` answers, and needs
//! nothing else but the log's key to be verified. Of the private texts it has the hashes alone.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use log_record::{FixedRecord, Place};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::verify::Signers;
use crate::{Checkpoint, Finding, Note, NoteError, TreeHash, VerifierKey, is_included};

/// The event without which there is no exchange.
const CREATED: &str = "exchange-created";

/// A receipt as it was answered, of which nothing is believed yet.
#[derive(Clone, Debug, Deserialize)]
pub struct Receipt {
    /// The account.
    pub account_id: String,
    /// The exchange.
    pub exchange_id: String,
    /// A signed checkpoint that has all of the events.
    pub checkpoint: String,
    /// The signed checkpoints in which a key handed over to the next.
    #[serde(default)]
    pub handovers: Vec<String>,
    /// The events, in the order of the log.
    pub events: Vec<ReceiptEvent>,
}

/// An event of a receipt.
#[derive(Clone, Debug, Deserialize)]
pub struct ReceiptEvent {
    /// Where it stands, `partition:position`.
    pub position: String,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The public text, byte for byte.
    pub public: String,
    /// The fixed record, in base64.
    pub entry: String,
    /// The hashes that lead from the record to the checkpoint's root.
    pub proof: Vec<TreeHash>,
}

/// A receipt that was verified.
#[derive(Clone, Debug)]
pub struct VerifiedReceipt {
    /// The checkpoint that has the events.
    pub checkpoint: Checkpoint,
    /// The key that signed it.
    pub key: VerifierKey,
    /// The events.
    pub events: Vec<VerifiedEvent>,
}

/// An event of a verified receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedEvent {
    /// Where it stands.
    pub place: Place,
    /// Its type.
    pub event_type: String,
    /// When it was recorded, in microseconds since 1970.
    pub recorded_at: i64,
}

/// What is wrong with a receipt.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// Its checkpoint or a key can't be believed.
    #[error(transparent)]
    Checkpoint(#[from] Finding),
    /// A note can't be read.
    #[error("{what} is no signed note")]
    Note {
        /// The checkpoint, or one of the handovers.
        what: String,
        /// Why not.
        #[source]
        source: NoteError,
    },
    /// The exchange isn't in it.
    #[error("it has no exchange-created event, and so proves no exchange")]
    NoExchange,
    /// An event isn't what it should be.
    #[error("the event at {position}: {what}")]
    Event {
        /// Where it is said to stand.
        position: String,
        /// What is wrong.
        what: String,
    },
}

impl Receipt {
    /// Verifies the receipt with nothing but the log's key, or its first one.
    pub fn verify(&self, key: &VerifierKey) -> Result<VerifiedReceipt, ReceiptError> {
        let (checkpoint, key) = signed_checkpoint(&self.checkpoint, &self.handovers, key)?;
        let mut events: Vec<VerifiedEvent> = vec![];
        for event in &self.events {
            let wrong = |what| ReceiptError::Event { position: event.position.clone(), what };
            let verified = self.verify_event(event, &checkpoint).map_err(wrong)?;
            if events.last().is_some_and(|before| before.place >= verified.place) {
                return Err(wrong("it isn't in the order of the log, or is there twice".into()));
            }
            events.push(verified);
        }
        if !events.iter().any(|event| event.event_type == CREATED) {
            return Err(ReceiptError::NoExchange);
        }
        Ok(VerifiedReceipt { checkpoint, key, events })
    }

    fn verify_event(
        &self,
        event: &ReceiptEvent,
        checkpoint: &Checkpoint,
    ) -> Result<VerifiedEvent, String> {
        let entry = event.entry()?;
        let record = event.record(&entry, checkpoint)?;
        if record.account_id != Some(self.account_id.as_str()) {
            return Err(format!("it isn't of the account {}", self.account_id));
        }
        let public: Named = serde_json::from_str(&event.public)
            .map_err(|_| "its public text is no JSON object".to_owned())?;
        if public.exchange_id.as_ref() != Some(&self.exchange_id) {
            return Err(format!("it isn't of the exchange {}", self.exchange_id));
        }
        let event_type = record.event_type.to_owned();
        Ok(VerifiedEvent { place: record.place, event_type, recorded_at: record.recorded_at })
    }
}

impl ReceiptEvent {
    /// The bytes of its fixed record.
    pub(crate) fn entry(&self) -> Result<Vec<u8>, String> {
        BASE64_STANDARD.decode(&self.entry).map_err(|_| "its entry is no base64".to_owned())
    }

    /// Its fixed record, which is in the checkpoint's tree and says what the event says.
    pub(crate) fn record<'a>(
        &self,
        entry: &'a [u8],
        checkpoint: &Checkpoint,
    ) -> Result<FixedRecord<'a>, String> {
        let record = FixedRecord::parse(entry).map_err(|error| format!("its entry: {error}"))?;
        let place = record.place;
        if place.to_string() != self.position {
            return Err(format!("its entry is that of {place}"));
        }
        let origin = &checkpoint.origin;
        if (record.log_id, place.partition) != (origin.log_id, origin.partition) {
            return Err("its entry is of another log or partition than the checkpoint".into());
        }
        if record.generation > origin.generation {
            return Err(format!("its entry is of the later generation {}", record.generation));
        }
        if record.event_type != self.event_type {
            return Err(format!("its type is {}, and not {}", record.event_type, self.event_type));
        }
        if <[u8; 32]>::from(Sha256::digest(self.public.as_bytes())) != record.public_sha256 {
            return Err("its public text isn't the one that was recorded".into());
        }
        let leaf = TreeHash::of_leaf(entry);
        let index = place.position.0.checked_sub(1).ok_or("no event has the position 0")?;
        if !is_included(leaf, index, checkpoint.size, &self.proof, checkpoint.root) {
            return Err(format!(
                "its proof doesn't lead to the root of the checkpoint of {} events",
                checkpoint.size
            ));
        }
        Ok(record)
    }
}

/// A checkpoint that came with its handovers, and the key that signed it: the log's, its first, or
/// one to which the handovers lead.
pub(crate) fn signed_checkpoint(
    checkpoint: &str,
    handovers: &[String],
    key: &VerifierKey,
) -> Result<(Checkpoint, VerifierKey), ReceiptError> {
    let what = "its checkpoint";
    let note = read_note(checkpoint, what)?;
    let checkpoint = Checkpoint::of(&note)
        .map_err(|source| Finding::Checkpoint { path: what.into(), source })?;
    let mut signers = Signers::new(key, what, &checkpoint.origin)?;
    for (number, text) in (1..).zip(handovers) {
        let what = format!("its handover {number}");
        signers.take_over(&what, &read_note(text, &what)?)?;
    }
    let key = signers.check(what, &note, &checkpoint)?;
    Ok((checkpoint, key))
}

fn read_note(text: &str, what: &str) -> Result<Note, ReceiptError> {
    text.parse().map_err(|source| ReceiptError::Note { what: what.into(), source })
}

/// The field of a public text that says which exchange an event is of.
#[derive(Deserialize)]
struct Named {
    exchange_id: Option<String>,
}

//! A receipt: the events of one exchange, with the proof that a signed checkpoint has them.
//!
//! It is what `GET /v1/accounts/{account_id}/exchanges/{exchange_id}/receipt` answers, and needs
//! nothing else but the log's key to be verified. Of the private texts it has the hashes alone.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use log_record::{FixedRecord, NoFixedRecord, Place};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::verify::Signers;
use crate::{Checkpoint, Finding, Note, NoteError, TreeHash, VerifierKey, is_included};

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
    /// The events: where each stands, its type, and its time in microseconds since 1970.
    pub events: Vec<(Place, String, i64)>,
}

/// What is wrong with a receipt.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// Its checkpoint or a key can't be believed.
    #[error("its checkpoint can't be used")]
    Checkpoint(#[from] Finding),
    /// A note can't be read.
    #[error("its checkpoint can't be read")]
    Note(#[from] NoteError),
    /// It has no events.
    #[error("it has no events, and so proves nothing")]
    Empty,
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
        let note: Note = self.checkpoint.parse()?;
        let path = "the receipt's checkpoint";
        let checkpoint = Checkpoint::of(&note)
            .map_err(|source| Finding::Checkpoint { path: path.into(), source })?;
        let mut signers = Signers::new(key, path, &checkpoint.origin)?;
        for handover in &self.handovers {
            signers.take_over("a handover in the receipt", &handover.parse()?)?;
        }
        let key = signers.check(path, &note, &checkpoint)?;
        if self.events.is_empty() {
            return Err(ReceiptError::Empty);
        }
        let mut events: Vec<(Place, String, i64)> = vec![];
        for event in &self.events {
            let wrong = |what| ReceiptError::Event { position: event.position.clone(), what };
            let verified = self.verify_event(event, &checkpoint).map_err(wrong)?;
            if events.last().is_some_and(|before| before.0 >= verified.0) {
                return Err(wrong("it isn't in the order of the log, or is there twice".into()));
            }
            events.push(verified);
        }
        Ok(VerifiedReceipt { checkpoint, key, events })
    }

    fn verify_event(
        &self,
        event: &ReceiptEvent,
        checkpoint: &Checkpoint,
    ) -> Result<(Place, String, i64), String> {
        let entry = BASE64_STANDARD.decode(&event.entry);
        let entry = entry.map_err(|_| "its entry is no base64".to_owned())?;
        let record =
            FixedRecord::parse(&entry).map_err(|error: NoFixedRecord| error.to_string())?;
        let place = record.place;
        if place.to_string() != event.position {
            return Err(format!("its entry is that of {place}"));
        }
        let origin = &checkpoint.origin;
        if (record.log_id, place.partition) != (origin.log_id, origin.partition) {
            return Err("its entry is of another log or partition than the checkpoint".into());
        }
        if <[u8; 32]>::from(Sha256::digest(event.public.as_bytes())) != record.public_sha256 {
            return Err("its public text isn't the one that was recorded".into());
        }
        if record.account_id != Some(&self.account_id) {
            return Err(format!("it isn't of the account {}", self.account_id));
        }
        let public: Named = serde_json::from_str(&event.public)
            .map_err(|_| "its public text is no JSON object".to_owned())?;
        if public.exchange_id.as_deref() != Some(&self.exchange_id) {
            return Err(format!("it isn't of the exchange {}", self.exchange_id));
        }
        let leaf = TreeHash::of_leaf(&entry);
        let index = place.position.0.checked_sub(1).ok_or("no event has the position 0")?;
        if !is_included(leaf, index, checkpoint.size, &event.proof, checkpoint.root) {
            return Err(format!(
                "its proof doesn't lead to the root of the checkpoint of {} events",
                checkpoint.size
            ));
        }
        Ok((place, record.event_type.to_owned(), record.recorded_at))
    }
}

/// The field of a public text that says which exchange an event is of.
#[derive(Deserialize)]
struct Named {
    exchange_id: Option<String>,
}

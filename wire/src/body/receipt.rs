//! Receipts of exchanges.

use domain::{AccountId, ExchangeId};
use log_record::Place;
use serde::Serialize;

/// `GET /v1/accounts/{account_id}/exchanges/{exchange_id}/receipt`: the events of an exchange, and
/// the proof that the transparency log has them.
#[derive(Clone, Debug, Serialize)]
pub struct ReceiptBody {
    /// The account.
    pub account_id: AccountId,
    /// The exchange.
    pub exchange_id: ExchangeId,
    /// Whether it has all events of the exchange so far. Without, it has those of the first 1,000
    /// commands.
    pub complete: bool,
    /// The signed checkpoint that has all of the events: a signed note.
    pub checkpoint: String,
    /// The signed checkpoints in which a key handed over to the next.
    pub handovers: Vec<String>,
    /// The events, in the order of the log.
    pub events: Vec<ReceiptEventBody>,
}

/// An event of a receipt.
#[derive(Clone, Debug, Serialize)]
pub struct ReceiptEventBody {
    /// Its position.
    pub position: Place,
    /// Its type.
    pub r#type: String,
    /// Its public text, byte for byte.
    pub public: String,
    /// Its fixed record, in base64. Of the private text it has the SHA-256 alone.
    pub entry: String,
    /// The hashes that lead from the entry to the root in `checkpoint`, in base64.
    pub proof: Vec<String>,
}

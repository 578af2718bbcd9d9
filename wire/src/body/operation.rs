//! What operators did, and what they were refused.

use domain::{AccountId, Timestamp};
use log_record::Place;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A command that was recorded, or a call that recorded nothing.
#[derive(Clone, Debug, Serialize)]
pub struct OperationBody {
    /// When it was recorded or answered.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: OperationOutcome,
    /// Whose key it was; left out where it wasn't a valid one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<OperationCallerBody>,
    /// The account that it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// The event, where one was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<OperationEventBody>,
    /// The call, where no event was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<OperationCallBody>,
    /// Who did it, as the request's body said: private.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, as the request's body or its header `Guerdon-Reason` said: private.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The request's id; what an operator's tool recorded has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The trace context that the request came with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationOutcome {
    /// An event was recorded.
    Recorded,
    /// It was done, and is no fact of the ledger: a key was made.
    Done,
    /// It was refused, with a status from 400 on.
    Refused,
    /// The server failed, with a status from 500 on.
    Failed,
}

/// The key that a call was made with, and whom it speaks for.
#[derive(Clone, Debug, Serialize)]
pub struct OperationCallerBody {
    /// The id of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// The key's role.
    pub role: String,
    /// Whom the key or token speaks for: private.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The person who holds the key: private.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The event with the command's id.
#[derive(Clone, Debug, Serialize)]
pub struct OperationEventBody {
    /// Its type: `credit-earned`.
    pub r#type: String,
    /// The command: `adjust-credit`.
    pub command: String,
    /// Its position.
    pub position: Place,
    /// Its public fields, as in EVENTS.md.
    pub fact: Map<String, Value>,
}

/// A call that recorded no event.
#[derive(Clone, Debug, Serialize)]
pub struct OperationCallBody {
    /// `PUT`.
    pub method: String,
    /// The path, without a query.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// The problem's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The problem's detail: private.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

//! What a call recorded, got by the path at which it was put.

use domain::{AccountId, Timestamp};
use log_record::Place;
use serde::Serialize;
use serde_json::{Map, Value};

/// A fact as it was answered when it was recorded, and what operators and auditors may know of it.
#[derive(Clone, Debug, Serialize)]
pub struct FactBody {
    /// The account, where it is a fact of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// The public fields of the event, as in EVENTS.md.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
    /// Whose key it was: for operators and auditors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<FactCallerBody>,
    /// Who did it, as the caller said: private, for operators and auditors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, as the caller said: private, for operators and auditors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The event's position.
    pub position: Place,
}

/// The key that made the call, and its role; each is left out where the event has none.
#[derive(Clone, Debug, Serialize)]
pub struct FactCallerBody {
    /// The id of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// The key's role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

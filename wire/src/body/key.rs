//! API keys. The text of a key is in the answer that it was made with, and nowhere else.

use serde::{Deserialize, Serialize};

use domain::{AccountId, Timestamp};

/// `POST /v1/keys`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateKeyBody {
    /// `shopper`, `merchant`, `operator`, `warehouse` or `auditor`.
    pub role: String,
    /// What the key is for, 1 to 100 characters: `Till 3`.
    pub label: String,
    /// `read-only`, `offers`, `warehouses:main,berlin`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The one account that a shopper's key is for.
    pub account_id: Option<AccountId>,
    /// The person who holds the key; private, and kept with what the key records.
    pub name: Option<String>,
    /// From when on the key is no longer let in.
    pub expires_at: Option<Timestamp>,
}

/// `PUT /v1/keys/{key_id}/revocation`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeKeyBody {}

/// `POST /v1/keys/{key_id}/rotations`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateKeyBody {
    /// For how many seconds the old key is let in beside the new one; 86,400 (a day) if not given.
    pub grace_seconds: Option<u32>,
}

/// A key without its text.
#[derive(Debug, Serialize)]
pub struct KeyBody {
    /// `k-7f3a9c21`; it is in the events that come of the key's requests.
    pub key_id: String,
    /// The role's name.
    pub role: &'static str,
    /// What the key is for.
    pub label: String,
    /// What it may do less than its role; empty for nothing less.
    pub scopes: Vec<String>,
    /// The one account that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The person who holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is no longer let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// When a command API last let it in, about a minute late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// `valid`, `expired` or `revoked`.
    pub status: &'static str,
}

/// A key that was made now, with its text.
#[derive(Debug, Serialize)]
pub struct MadeKeyBody {
    /// The key's text, for `Authorization: Bearer KEY`. The ledger keeps its hash only.
    pub key: String,
    /// What is known of it.
    #[serde(flatten)]
    pub about: KeyBody,
}

/// All keys, in the order in which they were made.
#[derive(Debug, Serialize)]
pub struct KeysBody {
    /// The keys.
    pub items: Vec<KeyBody>,
    /// Always null: there is one page.
    pub next: Option<String>,
}

//! Erasures of what is private of an account.

use domain::{AccountId, ErasureId, Reason, Timestamp};
use log_record::Place;
use serde::{Deserialize, Serialize};

/// `PUT /v1/accounts/{account_id}/erasures/{erasure_id}`: erases what is private of the account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EraseAccountBody {
    /// Why. It is public and kept.
    pub reason: Reason,
}

/// The fact `account-erased`.
#[derive(Clone, Debug, Serialize)]
pub struct AccountErasedBody {
    /// The account.
    pub account_id: AccountId,
    /// Which erasure of the account.
    pub erasure_id: ErasureId,
    /// Events up to this position of the account's partition lose what is private.
    pub until: u64,
    /// Why it was asked for.
    pub reason: Reason,
    /// The event's position.
    pub position: Place,
}

/// How far an erasure is.
#[derive(Clone, Debug, Serialize)]
pub struct ErasureBody {
    /// The account.
    pub account_id: AccountId,
    /// `asked`, `bytes-remain` or `done`.
    pub status: ErasureStatus,
    /// Events up to this position of the account's partition lose what is private.
    pub until: u64,
    /// When it was recorded.
    pub asked_at: Timestamp,
    /// Since when the log's table and the tables beside it have nothing of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_erased_at: Option<Timestamp>,
    /// Since when archives have nothing of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archives_erased_at: Option<Timestamp>,
    /// Since when the read tables have nothing of it, and their files neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_model_erased_at: Option<Timestamp>,
    /// Since when the log's files don't have the bytes either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// How far an erasure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErasureStatus {
    /// It is recorded, and somewhere something is still there.
    Asked,
    /// Nobody can read it any more, and files of the log still have the bytes.
    BytesRemain,
    /// No file of the ledger has the bytes.
    Done,
}

//! Redemptions whose callers don't wait for their outcome.

use domain::{AccountId, ExchangeId};
use serde::Serialize;

use super::CreatedExchangeBody;
use crate::Problem;

/// How far a redemption is whose caller didn't wait for it.
#[derive(Clone, Debug, Serialize)]
pub struct AttemptBody {
    /// The account that pays.
    pub account_id: AccountId,
    /// The exchange's id.
    pub exchange_id: ExchangeId,
    /// `pending`, `created`, `refused` or `failed`.
    pub status: AttemptStatus,
    /// Always false: this status is forgotten when the process ends. An exchange that was created
    /// is durable.
    pub durable: bool,
    /// The exchange, where it was created, now or before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange: Option<CreatedExchangeBody>,
    /// What would have been answered, where it was refused or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// How far a redemption is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptStatus {
    /// It isn't decided yet.
    Pending,
    /// The exchange was created.
    Created,
    /// It was decided that no exchange is created.
    Refused,
    /// It wasn't decided, or nobody knows: send it again.
    Failed,
}

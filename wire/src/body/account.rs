//! Accounts themselves.

use domain::{AccountId, Timestamp};
use log_record::Place;
use serde::{Deserialize, Serialize};

/// `PUT /v1/accounts/{account_id}`: opens an account without credit.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenAccountBody {
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// The fact `account-opened`.
#[derive(Clone, Debug, Serialize)]
pub struct AccountOpenedBody {
    /// The account.
    pub account_id: AccountId,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

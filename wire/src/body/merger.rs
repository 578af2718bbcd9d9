//! An account that is merged into another.

use domain::AccountId;
use log_record::Place;
use serde::{Deserialize, Serialize};

use super::credit_lot::is_false;

/// `PUT /v1/accounts/{account_id}/merger`: merges the account into another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergeAccountBody {
    /// The account that has it from now on.
    pub into: AccountId,
    /// Whether what it has counted on ladders, and grants, may be left behind; without it, no.
    pub leave_tiers: Option<bool>,
}

/// The fact `account-merged`.
#[derive(Clone, Debug, Serialize)]
pub struct AccountMergedBody {
    /// The account.
    pub account_id: AccountId,
    /// The account that has it from now on.
    pub into: AccountId,
    /// Whether it stood on ladders, and what it had counted there was left behind.
    #[serde(skip_serializing_if = "is_false")]
    pub tiers_left: bool,
    /// The event's position.
    pub position: Place,
}

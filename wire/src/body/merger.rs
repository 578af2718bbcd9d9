//! An account that is merged into another.

use domain::AccountId;
use log_record::Place;
use serde::{Deserialize, Serialize};

/// `PUT /v1/accounts/{account_id}/merger`: merges the account into another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergeAccountBody {
    /// The account that has it from now on.
    pub into: AccountId,
}

/// The fact `account-merged`.
#[derive(Clone, Debug, Serialize)]
pub struct AccountMergedBody {
    /// The account.
    pub account_id: AccountId,
    /// The account that has it from now on.
    pub into: AccountId,
    /// The event's position.
    pub position: Place,
}

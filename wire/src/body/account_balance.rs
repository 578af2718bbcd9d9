//! An account's balance.

use std::collections::BTreeMap;

use domain::{AccountId, LadderId, UnitId};
use log_record::Place;
use serde::Serialize;

use super::AccountTierBody;

/// The credit of an account now; the fields beside `units` are of `points`.
#[derive(Clone, Debug, Serialize)]
pub struct AccountBalanceBody {
    /// The account.
    pub account_id: AccountId,
    /// The points that can be spent.
    pub available: u64,
    /// The points set aside by holds.
    pub held: u64,
    /// The points that can be spent later.
    pub pending: u64,
    /// The points that the account owes.
    pub owed: u64,
    /// The points of `available` that expire within 30 days.
    pub expiring_within_30_days: u64,
    /// The same of every unit that the account ever had, and of `points`.
    pub units: BTreeMap<UnitId, UnitBalanceBody>,
    /// The tier of each ladder; left out where there is no ladder.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tiers: BTreeMap<LadderId, AccountTierBody>,
    /// The account that has it now, where it was merged into another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<AccountId>,
    /// Where it was merged, or has taken others over: all the accounts whose credit this is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shows: Vec<AccountId>,
    /// The position of the last event that changed the account.
    pub position: Place,
}

/// What an account has of a unit now.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct UnitBalanceBody {
    /// What can be spent.
    pub available: u64,
    /// What is set aside by holds.
    pub held: u64,
    /// What can be spent later.
    pub pending: u64,
    /// What the account owes.
    pub owed: u64,
    /// What of `available` expires within 30 days.
    pub expiring_within_30_days: u64,
}

//! An account's balance.

use domain::AccountId;
use log_record::Place;
use serde::Serialize;

/// The points of an account now.
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
    /// The position of the last event that changed the account.
    pub position: Place,
}

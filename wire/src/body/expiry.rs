//! Credit that expires: of one account, and of all.

use domain::{AccountId, Timestamp, UnitId};
use log_record::Place;
use serde::Serialize;

/// What of an account's credit has expired, and what will.
#[derive(Clone, Debug, Serialize)]
pub struct AccountExpiryBody {
    /// The account.
    pub account_id: AccountId,
    /// The kind of points.
    pub unit: UnitId,
    /// What will expire.
    pub expiring: ExpiringBody,
    /// What has expired.
    pub expired: ExpiredBody,
    /// The position of the last event that changed the account.
    pub position: Place,
}

/// What can be spent now and can't be later.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ExpiringBody {
    /// Within so many days.
    pub within_days: u32,
    /// In points.
    pub points: u64,
}

/// What nobody spent in time.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ExpiredBody {
    /// Since this time; without it, ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// In points.
    pub points: u64,
}

/// An account with credit that expires soon.
#[derive(Clone, Debug, Serialize)]
pub struct ExpiringAccountBody {
    /// The account.
    pub account_id: AccountId,
    /// The kind of points.
    pub unit: UnitId,
    /// The points that can be spent and expire before the time that was asked for.
    pub points: u64,
    /// When the first of them expire.
    pub expires_at: Timestamp,
}

//! Waits for a unit of an offer that is sold out.

use domain::{AccountId, OfferId, Timestamp, WaitEnd, WaitId};
use log_record::Place;
use serde::{Deserialize, Serialize};

use super::credit_lot::is_false;

/// `PUT /v1/accounts/{account_id}/waits/{wait_id}`: joins an offer's waiting list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinWaitingListBody {
    /// The offer, of which the shopper waits for one unit.
    pub offer_id: OfferId,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// `PUT …/waits/{wait_id}/leaving`: leaves the list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaveWaitingListBody {
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// The fact `wait-begun`: a shopper came onto a waiting list.
#[derive(Clone, Debug, Serialize)]
pub struct WaitBegunBody {
    /// The account.
    pub account_id: AccountId,
    /// The wait.
    pub wait_id: WaitId,
    /// The offer.
    pub offer_id: OfferId,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// The fact `wait-ended`: a shopper waits no more.
#[derive(Clone, Debug, Serialize)]
pub struct WaitEndedBody {
    /// The account.
    pub account_id: AccountId,
    /// The wait.
    pub wait_id: WaitId,
    /// The offer.
    pub offer_id: OfferId,
    /// `left`.
    pub reason: WaitEnd,
    /// `true` where a unit was kept; left out where none was.
    #[serde(skip_serializing_if = "is_false")]
    pub served: bool,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// A wait as it is now.
#[derive(Clone, Debug, Serialize)]
pub struct WaitBody {
    /// The wait.
    pub wait_id: WaitId,
    /// The account.
    pub account_id: AccountId,
    /// The offer.
    pub offer_id: OfferId,
    /// The present status.
    pub status: WaitStatus,
    /// How many wait before this one; there while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<u64>,
    /// Until when a unit is or was kept, where one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The position of the event `wait-begun`.
    pub position: Place,
}

/// The status of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitStatus {
    /// The shopper waits.
    Waiting,
    /// A unit is kept until the deadline.
    Served,
    /// The shopper got a unit.
    Taken,
    /// The shopper left the list.
    Left,
    /// The deadline passed.
    Lapsed,
    /// The offer was closed, or its window ended.
    Closed,
}

//! Facts about who waits for a unit of an offer that is sold out.

use serde::{Deserialize, Serialize};

use crate::{OfferId, Timestamp, WaitId};

/// A shopper came onto an offer's waiting list, behind all who wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitBegun {
    /// The client's id for it.
    pub wait_id: WaitId,
    /// The offer.
    pub offer_id: OfferId,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
}

/// A unit is kept for the shopper who waits longest, or is kept for longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitServed {
    /// The wait.
    pub wait_id: WaitId,
    /// The offer, out of whose stock the unit is taken.
    pub offer_id: OfferId,
    /// The unit is free again from then on.
    pub deadline: Timestamp,
    /// Whether it was kept before, for less long.
    pub again: bool,
}

/// A shopper waits no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitEnded {
    /// The wait.
    pub wait_id: WaitId,
    /// The offer.
    pub offer_id: OfferId,
    /// Why it ended.
    pub reason: WaitEnd,
    /// Whether a unit was kept, which goes back to the offer's stock, also where the shopper takes
    /// it by one of the next events.
    pub served: bool,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitEnd {
    /// The shopper got a unit, or reserved one.
    Taken,
    /// The shopper left the list, or the account was merged into another.
    Left,
    /// The deadline passed.
    Lapsed,
    /// The offer was closed, or its window ended.
    Closed,
}

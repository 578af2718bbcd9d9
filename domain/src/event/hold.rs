//! Facts about credit that is set aside.

use serde::{Deserialize, Serialize};

use super::LotPart;
use crate::grace::with_grace;
use crate::{ExtensionId, Grace, HoldId, Points, Timestamp, UnitId};

/// Credit was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditHeld {
    /// The client's id for it.
    pub hold_id: HoldId,
    /// Of which unit.
    pub unit: UnitId,
    /// How much in all.
    pub points: Points,
    /// Of which lots, in the order in which they were drawn; they sum to `points`.
    pub lots: Vec<LotPart>,
    /// It ends by itself then.
    pub deadline: Timestamp,
    /// The grace of what comes back of it.
    pub grace: Grace,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
}

/// Credit that was set aside was spent; what is left of it came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldCaptured {
    /// The hold, which ended.
    pub hold_id: HoldId,
    /// Of which unit.
    pub unit: UnitId,
    /// How much was spent.
    pub points: Points,
    /// Of which lots; they sum to `points`.
    pub lots: Vec<LotPart>,
    /// What came back: the parts as they were held.
    pub released: Vec<LotPart>,
    /// Released parts that would expire before this time, and have had no grace yet, expire at this
    /// time instead.
    pub grace_until: Option<Timestamp>,
    /// The grace of what comes back of what was spent: the hold's.
    pub grace: Grace,
    /// Whether it paid an exchange, created by the next event, which then bears every field of the
    /// request.
    pub pays_exchange: bool,
    /// The points that the caller named; without them, all that were held.
    pub asked_points: Option<Points>,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
}

impl HoldCaptured {
    /// What came back, as it is from now on.
    #[must_use]
    pub fn came_back(&self) -> Vec<LotPart> {
        with_grace(&self.released, self.grace_until)
    }
}

/// A hold's deadline was moved on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldExtended {
    /// The hold, which goes on.
    pub hold_id: HoldId,
    /// The caller's id for this extension, unique within the hold.
    pub extension_id: ExtensionId,
    /// It ends by itself then.
    pub deadline: Timestamp,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
}

/// A hold gave parts of a lot back that are to be taken away, and keeps others instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldSwapped {
    /// The hold, which goes on.
    pub hold_id: HoldId,
    /// Of which unit.
    pub unit: UnitId,
    /// What it keeps from now on, in spending order.
    pub lots: Vec<LotPart>,
    /// What it gave back.
    pub returned: Vec<LotPart>,
    /// What it took in its place; as many points.
    pub taken: Vec<LotPart>,
}

/// Why a hold was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseReason {
    /// Somebody asked for it.
    Asked,
    /// Its deadline passed.
    Deadline,
}

/// Credit that was set aside came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldReleased {
    /// The hold, which ended.
    pub hold_id: HoldId,
    /// Of which unit.
    pub unit: UnitId,
    /// How much in all.
    pub points: Points,
    /// Of which lots, as they were held; they sum to `points`.
    pub lots: Vec<LotPart>,
    /// Parts that would expire before this time, and have had no grace yet, expire at this time
    /// instead.
    pub grace_until: Option<Timestamp>,
    /// Who ended it: somebody, or the deadline.
    pub reason: ReleaseReason,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
}

impl HoldReleased {
    /// What came back, as it is from now on.
    #[must_use]
    pub fn came_back(&self) -> Vec<LotPart> {
        with_grace(&self.lots, self.grace_until)
    }
}

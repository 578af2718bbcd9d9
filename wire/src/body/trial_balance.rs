//! What the log adds up to at a moment.

use domain::{Timestamp, UnitId};
use serde::Serialize;

use super::{LiabilityBody, Sum};

/// The trial balance of all units, as the log adds up to a moment.
#[derive(Clone, Debug, Serialize)]
pub struct TrialBalanceBody {
    /// The last event of each partition that is in it.
    pub position: String,
    /// When the last of them was recorded; left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<Timestamp>,
    /// `points` first, then the other units that there was credit of, by their ids.
    pub units: Vec<UnitTrialBalanceBody>,
}

/// What came in of a unit, and where it is.
#[derive(Clone, Debug, Serialize)]
pub struct UnitTrialBalanceBody {
    /// The unit.
    pub unit: UnitId,
    /// Points earned, without what conversions gave.
    pub issued: Sum,
    /// Points that were spent and came back.
    pub refunded: Sum,
    /// Points that other units became.
    pub converted_in: Sum,
    /// Points that are owed: they were taken back after they had been spent.
    pub debt: Sum,
    /// The sum of these four.
    pub sum_in: Sum,
    /// Points that can be spent.
    pub available: Sum,
    /// Points set aside by holds.
    pub held: Sum,
    /// Points that can be spent later.
    pub pending: Sum,
    /// Points sent that the recipient hasn't received yet.
    pub in_transit: Sum,
    /// Points spent.
    pub redeemed: Sum,
    /// Points that expired.
    pub expired: Sum,
    /// Points taken away.
    pub withdrawn: Sum,
    /// Points that became other units.
    pub converted_out: Sum,
    /// The sum of these eight.
    pub sum_out: Sum,
    /// `sum_in` − `sum_out`: 0, or events of the log contradict each other.
    pub difference: Sum,
    /// What all accounts have, by month of expiry: available + held + pending.
    pub liability: LiabilityBody,
}

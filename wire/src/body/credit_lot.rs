//! Lots of credit, and parts of them.

use domain::{AccountId, LotId, Points, Reference, Timestamp, UnitId};
use serde::Serialize;

use super::{CauseBody, RuleVersionBody};

/// Some points of a lot.
#[derive(Clone, Debug, Serialize)]
pub struct LotPartBody {
    /// The lot: the place of the event that made it.
    pub lot: LotId,
    /// The points of this part.
    pub points: Points,
    /// They can be spent before this time; without it, for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// `true` where `expires_at` is a period of grace; left out where it isn't.
    #[serde(skip_serializing_if = "is_false")]
    pub graced: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's own signature")]
pub(super) const fn is_false(value: &bool) -> bool {
    !*value
}

/// A lot, or a part of one, as one line of what an account's credit is made of.
#[derive(Clone, Debug, Serialize)]
pub struct CreditLotBody {
    /// The lot: the place of the event that made it.
    pub lot: LotId,
    /// The kind of points.
    pub unit: UnitId,
    /// The points that the lot was earned as.
    pub points: Points,
    /// The points of it that can be spent.
    pub available: u64,
    /// The points of it that can be spent later.
    pub pending: u64,
    /// The points of it set aside by holds.
    pub held: u64,
    /// The pending points can be spent from this time on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_at: Option<Timestamp>,
    /// The points can be spent before this time; without it, for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Whether `expires_at` is a period of grace.
    pub graced: bool,
    /// How the lot was earned.
    #[serde(flatten)]
    pub origin: LotOriginBody,
}

/// How a lot was earned. Its fields stand among those of the answer that has it.
#[derive(Clone, Debug, Serialize)]
pub struct LotOriginBody {
    /// What the lot was earned for.
    pub cause: CauseBody,
    /// The earning rule that gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleVersionBody>,
    /// What an adjustment refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// The account that earned it, where that is another account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earned_by: Option<AccountId>,
    /// When it was earned.
    pub earned_at: Timestamp,
}

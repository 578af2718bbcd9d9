//! Facts about conversions: by which rates, and what was converted.

use crate::{ConversionId, ConversionTerms, LotPart, Points, Timestamp, UnitId};

/// A conversion rate was made or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversionRateSet {
    /// The unit that goes.
    pub from: UnitId,
    /// The unit that comes.
    pub to: UnitId,
    /// The version that these terms are; the first is 1.
    pub version: u64,
    /// The terms from now on, whole.
    pub terms: ConversionTerms,
}

/// A conversion rate was closed, for good: nothing more is converted by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversionRateClosed {
    /// The unit that goes.
    pub from: UnitId,
    /// The unit that comes.
    pub to: UnitId,
    /// The version that it is with this.
    pub version: u64,
}

/// The version of a conversion rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateVersion {
    /// Its version.
    pub version: u64,
    /// Each whole step of so much …
    pub give: Points,
    /// … becomes so much of the other unit.
    pub take: Points,
}

/// Credit of one unit became credit of another, which the next event earns. It bears the
/// conversion's id and every field of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditConverted {
    /// The client's id for it, unique within the account.
    pub conversion_id: ConversionId,
    /// Of which unit.
    pub unit: UnitId,
    /// How much in all: whole steps of the rate.
    pub points: Points,
    /// Of which lots, in the order in which they were drawn; they sum to `points`.
    pub lots: Vec<LotPart>,
    /// The unit that it becomes.
    pub to: UnitId,
    /// How much it becomes.
    pub to_points: Points,
    /// What comes can be spent before then; without it, for ever.
    pub expires_at: Option<Timestamp>,
    /// The rate, which both amounts follow (I15).
    pub rate: RateVersion,
    /// The points that the caller named; what is less than a step stays.
    pub asked_points: Points,
    /// What the caller expected to come.
    pub expected_points: Option<Points>,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
}

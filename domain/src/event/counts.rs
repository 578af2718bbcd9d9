//! Facts about what an account counted that was merged: on ladders, towards limits and caps, and
//! the segments that it was in.

use crate::{
    AccountId, CapPeriod, CountPeriod, Day, GrantId, LadderId, LimitPeriod, OfferId, Points,
    RuleId, SegmentId, TierId, Timestamp, UnitId,
};

/// An account that was merged stands on no ladder any more: what it had counted there, its tiers
/// and its grants are another account's, and so is what counts more or less towards limits and caps
/// by the same append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountsPassedOn {
    /// The account that has them from now on.
    pub to: AccountId,
}

/// An account adds what one that was merged into it had counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountsTakenOver {
    /// The account that passed it on.
    pub from: AccountId,
    /// What is added.
    pub counts: Counts,
}

/// What an account counted, or what counts more or less of it since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// On ladders.
    pub ladders: Vec<LadderCounts>,
    /// Units of offers, towards a shopper's limits.
    pub limits: Vec<LimitCount>,
    /// What rules gave under their caps.
    pub caps: Vec<CapCount>,
    /// The segments that it is in.
    pub segments: Vec<SegmentId>,
}

/// What was counted on a ladder, with the tiers that it gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LadderCounts {
    /// The ladder.
    pub ladder: LadderId,
    /// The version of it by which the account was judged.
    pub version: u64,
    /// By year or month.
    pub sums: Vec<(CountPeriod, i64)>,
    /// The tier that was earned, where that isn't the level that everybody has.
    pub tier: Option<TierEarned>,
    /// The grant in force.
    pub grant: Option<GrantInForce>,
}

/// A tier that was earned, and the count that gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierEarned {
    /// The tier.
    pub tier: TierId,
    /// It holds before then; without it, for ever.
    pub until: Option<Timestamp>,
    /// Since when it was had.
    pub since: Timestamp,
    /// What the count that gave it is now.
    pub counted: i64,
    /// The year, or the first month, of that count.
    pub first: CountPeriod,
    /// Where the tier's level began then.
    pub from: Points,
}

/// A grant that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantInForce {
    /// The grant.
    pub grant_id: GrantId,
    /// Its tier.
    pub tier: TierId,
    /// It holds before then.
    pub until: Timestamp,
    /// Since when.
    pub since: Timestamp,
}

/// How many units of an offer count towards a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitCount {
    /// The offer.
    pub offer_id: OfferId,
    /// The period, by its first day; without it, all of time.
    pub period: Option<(LimitPeriod, Day)>,
    /// How many; below zero where fewer count than before.
    pub units: i64,
}

/// What a rule gave under its cap in one of the cap's periods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapCount {
    /// The unit.
    pub unit: UnitId,
    /// The rule.
    pub rule_id: RuleId,
    /// The period, known by its kind and its beginning.
    pub period: CapPeriod,
    /// How much; below zero where less counts than before.
    pub points: i64,
}

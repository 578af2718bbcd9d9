//! What an account counted that was merged.

use std::borrow::Cow;

use domain::{
    AccountId, CountPeriod, Day, GrantId, LadderId, LimitPeriod, OfferId, Points, RuleId,
    SegmentId, TierId, Timestamp, UnitId,
};
use serde::{Deserialize, Serialize};

use super::cap::CapPeriod;

/// `counts-passed-on`.
#[derive(Serialize, Deserialize)]
pub(crate) struct CountsPassedOn<'a> {
    to: Cow<'a, AccountId>,
}

/// `counts-taken-over`.
#[derive(Serialize, Deserialize)]
pub(crate) struct CountsTakenOver<'a> {
    from: Cow<'a, AccountId>,
    #[serde(flatten)]
    counts: Counts<'a>,
}

/// What is added. What is empty is missing.
#[derive(Serialize, Deserialize)]
pub(super) struct Counts<'a> {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ladders: Vec<LadderCounts<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    limits: Vec<LimitCount<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    caps: Vec<CapCount<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    segments: Vec<SegmentId>,
}

#[derive(Serialize, Deserialize)]
struct LadderCounts<'a> {
    ladder: LadderId,
    version: u64,
    /// Pairs of a year or a month, as a number, and its sum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sums: Vec<(CountPeriod, i64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tier: Option<TierEarned>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grant: Option<GrantInForce<'a>>,
}

#[derive(Serialize, Deserialize)]
struct TierEarned {
    tier: TierId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    since: Timestamp,
    counted: i64,
    first: CountPeriod,
    #[serde(with = "domain::sum")]
    from: Points,
}

#[derive(Serialize, Deserialize)]
struct GrantInForce<'a> {
    grant_id: Cow<'a, GrantId>,
    tier: TierId,
    until: Timestamp,
    since: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct LimitCount<'a> {
    offer_id: Cow<'a, OfferId>,
    /// Missing for all of time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<LimitDay>,
    units: i64,
}

/// A period of a limit, by its kind and its first day.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LimitDay {
    Day(Day),
    Week(Day),
    Month(Day),
}

#[derive(Serialize, Deserialize)]
struct CapCount<'a> {
    unit: UnitId,
    rule_id: Cow<'a, RuleId>,
    period: CapPeriod,
    points: i64,
}

impl<'a> From<&'a domain::CountsPassedOn> for CountsPassedOn<'a> {
    fn from(fact: &'a domain::CountsPassedOn) -> Self {
        let domain::CountsPassedOn { to } = fact;
        Self { to: Cow::Borrowed(to) }
    }
}

impl From<CountsPassedOn<'_>> for domain::CountsPassedOn {
    fn from(stored: CountsPassedOn<'_>) -> Self {
        Self { to: stored.to.into_owned() }
    }
}

impl<'a> From<&'a domain::CountsTakenOver> for CountsTakenOver<'a> {
    fn from(fact: &'a domain::CountsTakenOver) -> Self {
        let domain::CountsTakenOver { from, counts } = fact;
        Self { from: Cow::Borrowed(from), counts: counts.into() }
    }
}

impl From<CountsTakenOver<'_>> for domain::CountsTakenOver {
    fn from(stored: CountsTakenOver<'_>) -> Self {
        let CountsTakenOver { from, counts } = stored;
        Self { from: from.into_owned(), counts: counts.into() }
    }
}

impl<'a> From<&'a domain::Counts> for Counts<'a> {
    fn from(counts: &'a domain::Counts) -> Self {
        let domain::Counts { ladders, limits, caps, segments } = counts;
        Self {
            ladders: ladders.iter().map(Into::into).collect(),
            limits: limits.iter().map(Into::into).collect(),
            caps: caps.iter().map(Into::into).collect(),
            segments: segments.clone(),
        }
    }
}

impl From<Counts<'_>> for domain::Counts {
    fn from(stored: Counts<'_>) -> Self {
        let Counts { ladders, limits, caps, segments } = stored;
        Self {
            ladders: ladders.into_iter().map(Into::into).collect(),
            limits: limits.into_iter().map(Into::into).collect(),
            caps: caps.into_iter().map(Into::into).collect(),
            segments,
        }
    }
}

impl<'a> From<&'a domain::LadderCounts> for LadderCounts<'a> {
    fn from(counts: &'a domain::LadderCounts) -> Self {
        let domain::LadderCounts { ladder, version, sums, tier, grant } = counts;
        let tier = tier.as_ref().map(|it| {
            let domain::TierEarned { tier, until, since, counted, first, from } = it;
            TierEarned {
                tier: *tier,
                until: *until,
                since: *since,
                counted: *counted,
                first: *first,
                from: *from,
            }
        });
        let grant = grant.as_ref().map(|it| {
            let domain::GrantInForce { grant_id, tier, until, since } = it;
            let grant_id = Cow::Borrowed(grant_id);
            GrantInForce { grant_id, tier: *tier, until: *until, since: *since }
        });
        Self { ladder: *ladder, version: *version, sums: sums.clone(), tier, grant }
    }
}

impl From<LadderCounts<'_>> for domain::LadderCounts {
    fn from(stored: LadderCounts<'_>) -> Self {
        let LadderCounts { ladder, version, sums, tier, grant } = stored;
        let tier = tier.map(|it| {
            let TierEarned { tier, until, since, counted, first, from } = it;
            domain::TierEarned { tier, until, since, counted, first, from }
        });
        let grant = grant.map(|it| {
            let GrantInForce { grant_id, tier, until, since } = it;
            domain::GrantInForce { grant_id: grant_id.into_owned(), tier, until, since }
        });
        Self { ladder, version, sums, tier, grant }
    }
}

impl<'a> From<&'a domain::LimitCount> for LimitCount<'a> {
    fn from(count: &'a domain::LimitCount) -> Self {
        let domain::LimitCount { offer_id, period, units } = count;
        let period = period.and_then(|(period, first)| match period {
            LimitPeriod::Day => Some(LimitDay::Day(first)),
            LimitPeriod::Week => Some(LimitDay::Week(first)),
            LimitPeriod::Month => Some(LimitDay::Month(first)),
            LimitPeriod::Ever => None,
        });
        Self { offer_id: Cow::Borrowed(offer_id), period, units: *units }
    }
}

impl From<LimitCount<'_>> for domain::LimitCount {
    fn from(stored: LimitCount<'_>) -> Self {
        let LimitCount { offer_id, period, units } = stored;
        let period = period.map(|period| match period {
            LimitDay::Day(first) => (LimitPeriod::Day, first),
            LimitDay::Week(first) => (LimitPeriod::Week, first),
            LimitDay::Month(first) => (LimitPeriod::Month, first),
        });
        Self { offer_id: offer_id.into_owned(), period, units }
    }
}

impl<'a> From<&'a domain::CapCount> for CapCount<'a> {
    fn from(count: &'a domain::CapCount) -> Self {
        let domain::CapCount { unit, rule_id, period, points } = count;
        let rule_id = Cow::Borrowed(rule_id);
        Self { unit: *unit, rule_id, period: (*period).into(), points: *points }
    }
}

impl From<CapCount<'_>> for domain::CapCount {
    fn from(stored: CapCount<'_>) -> Self {
        let CapCount { unit, rule_id, period, points } = stored;
        Self { unit, rule_id: rule_id.into_owned(), period: period.into(), points }
    }
}

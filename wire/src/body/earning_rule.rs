//! Earning rules: what purchases earn.

use domain::{
    Cap, Category, CategoryRate, EarningTerms, ExpiryRule, Multiplier, Period, Points, Rate,
    RuleId, TimeZone, Timestamp, UnitId, ZonedTime,
};
use log_record::Place;
use serde::{Deserialize, Serialize};

use super::credit_lot::is_false;
use super::{LadderTierBody, null_is_default};
use crate::Object;

/// `PUT /v1/earning-rules/{rule_id}`: makes a rule; with `If-Match`, replaces its terms.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutEarningRuleBody {
    /// The kind of points that the rule gives; without it, `points`. It can't change.
    #[serde(default, deserialize_with = "null_is_default")]
    pub unit: UnitId,
    /// The points for an amount of money.
    pub rate: Object<RateBody>,
    /// Rates for some categories of goods in place of `rate`, each category once.
    #[serde(default, deserialize_with = "null_is_default")]
    pub categories: Vec<Object<CategoryRateBody>>,
    /// Another percentage at some times or for some tiers; where several apply, the highest counts.
    #[serde(default, deserialize_with = "null_is_default")]
    pub multipliers: Vec<Object<PutMultiplierBody>>,
    /// The most that one shopper earns by this rule; without it, no limit.
    pub cap: Option<Object<CapBody>>,
    /// How long the credit can be spent; without it, for ever.
    pub expiry: Option<Object<ExpiryBody>>,
    /// The days until the credit can be spent, 0 to 3,650; without it, 0.
    #[serde(default, deserialize_with = "null_is_default")]
    pub pending_days: u16,
    /// The IANA name of the time zone that days, months and years are reckoned in; without it, UTC.
    #[serde(default, deserialize_with = "null_is_default")]
    pub time_zone: TimeZone,
    /// How many days late a purchase may be told and still earn by when it happened, 0 to 31;
    /// without it, 0: a purchase earns by when it is told.
    #[serde(default, deserialize_with = "null_is_default")]
    pub backdate_days: u16,
}

/// Points for an amount of money; what all lines with this rate earn is rounded down once.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateBody {
    /// The points; 0 for goods that earn nothing.
    #[serde(with = "domain::sum")]
    pub points: Points,
    /// The amount of money, in the currency's smallest unit.
    pub per_amount: Points,
    /// Whether only the full steps of `per_amount` earn; left out where each part of one does.
    #[serde(default, skip_serializing_if = "is_false", deserialize_with = "null_is_default")]
    pub full_steps_only: bool,
}

/// The rate for a category of goods.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoryRateBody {
    /// The category of goods.
    pub category: Category,
    /// Its rate.
    pub rate: Object<RateBody>,
}

/// Another percentage of the rate, for a time or a tier, as it is put. It applies where all that it
/// names holds.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutMultiplierBody {
    /// The first moment of the time; without an offset, in the rule's time zone.
    pub from: Option<ZonedTime>,
    /// The time ends before this moment, likewise.
    pub until: Option<ZonedTime>,
    /// For those who have this tier, or a higher one, when the purchase is recorded.
    pub tier: Option<Object<LadderTierBody>>,
    /// The percentage of the rate, 0 to 10,000: 200 doubles.
    pub percent: u32,
}

/// Another percentage of the rate, for a time or a tier, as it is answered.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MultiplierBody {
    /// The first moment of the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The time ends before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// For those who have this tier, or a higher one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<LadderTierBody>,
    /// The percentage of the rate, 0 to 10,000: 200 doubles.
    pub percent: u32,
}

/// The most that one shopper earns by a rule in a period.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapBody {
    /// The points.
    pub points: Points,
    /// `day`, `month`, `year` (each in the rule's time zone) or `ever`.
    pub period: Period,
}

/// How long credit can be spent. It has either `months` or `end_of_year`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpiryBody {
    /// For this many calendar months, 1 to 1,200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub months: Option<u16>,
    /// Until the end of the year that is this many years after the present one, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_of_year: Option<u16>,
}

/// An earning rule, as both APIs answer it.
#[derive(Clone, Debug, Serialize)]
pub struct EarningRuleBody {
    /// The rule.
    pub rule_id: RuleId,
    /// The kind of points that the rule gives.
    pub unit: UnitId,
    /// The points for an amount of money.
    pub rate: RateBody,
    /// Rates for some categories of goods in place of `rate`; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<CategoryRateBody>,
    /// Another percentage at some times or for some tiers; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub multipliers: Vec<MultiplierBody>,
    /// The most that one shopper earns by this rule; without it, no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap: Option<CapBody>,
    /// How long the credit can be spent; without it, for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry: Option<ExpiryBody>,
    /// The days until the credit can be spent; left out where it is at once.
    #[serde(skip_serializing_if = "is_zero")]
    pub pending_days: u16,
    /// The time zone of days, months and years; left out where it is UTC.
    #[serde(skip_serializing_if = "TimeZone::is_utc")]
    pub time_zone: TimeZone,
    /// How many days late a purchase may be told and still earn by when it happened; left out where
    /// it earns by when it is told.
    #[serde(skip_serializing_if = "is_zero")]
    pub backdate_days: u16,
    /// Counts changes of the terms, from 1. The ETag begins with it.
    pub version: u64,
    /// When this version was recorded; reads answer it, commands don't.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<Timestamp>,
    /// The position of the event that set this version.
    pub position: Place,
}

impl EarningRuleBody {
    /// A version of a rule with these terms.
    #[must_use]
    pub fn new(
        rule_id: RuleId,
        terms: EarningTerms,
        version: u64,
        recorded_at: Option<Timestamp>,
        position: Place,
    ) -> Self {
        let EarningTerms {
            unit,
            rate,
            categories,
            multipliers,
            cap,
            expiry,
            pending_days,
            time_zone,
            backdate_days,
        } = terms;
        Self {
            rule_id,
            unit,
            rate: rate.into(),
            categories: categories.into_iter().map(CategoryRateBody::from).collect(),
            multipliers: multipliers.into_iter().map(MultiplierBody::from).collect(),
            cap: cap.map(CapBody::from),
            expiry: expiry.map(ExpiryBody::from),
            pending_days,
            time_zone,
            backdate_days,
            version,
            recorded_at,
            position,
        }
    }
}

impl From<Rate> for RateBody {
    fn from(rate: Rate) -> Self {
        let Rate { points, per_amount, full_steps_only } = rate;
        Self { points, per_amount, full_steps_only }
    }
}

impl From<CategoryRate> for CategoryRateBody {
    fn from(category: CategoryRate) -> Self {
        let CategoryRate { category, rate } = category;
        Self { category, rate: Object(rate.into()) }
    }
}

impl From<Multiplier> for MultiplierBody {
    fn from(multiplier: Multiplier) -> Self {
        let Multiplier { from, until, tier, percent } = multiplier;
        Self { from, until, tier: tier.map(LadderTierBody::from), percent }
    }
}

impl From<Cap> for CapBody {
    fn from(cap: Cap) -> Self {
        let Cap { points, period } = cap;
        Self { points, period }
    }
}

impl From<ExpiryRule> for ExpiryBody {
    fn from(rule: ExpiryRule) -> Self {
        match rule {
            ExpiryRule::Months(months) => Self { months: Some(months), end_of_year: None },
            ExpiryRule::EndOfYear(years) => Self { months: None, end_of_year: Some(years) },
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's own signature")]
const fn is_zero(value: &u16) -> bool {
    *value == 0
}

//! What the operator chooses: the policy and the earning rules.

use std::borrow::Cow;

use domain::{
    Category, EarningTerms, LadderTier, Period, Points, Policy, RuleId, SpentCredit, TimeZone,
    Timestamp, UnitId,
};
use serde::{Deserialize, Serialize};

use super::part::is_false;

/// `policy-changed`.
#[derive(Serialize, Deserialize)]
pub(crate) struct PolicyChanged {
    version: u64,
    /// `refuse`, `debt` or `forgive`.
    spent_credit: SpentCredit,
    refund_grace_days: u16,
    #[serde(default, skip_serializing_if = "is_false")]
    grace_on_own_request: bool,
    #[serde(default = "most", skip_serializing_if = "is_most")]
    earning_points_max: Points,
}

const fn most() -> Points {
    Points::MOST
}

fn is_most(points: &Points) -> bool {
    *points == Points::MOST
}

impl From<&domain::PolicyChanged> for PolicyChanged {
    fn from(fact: &domain::PolicyChanged) -> Self {
        let domain::PolicyChanged { version, policy } = *fact;
        let Policy { spent_credit, refund_grace_days, grace_on_own_request, earning_points_max } =
            policy;
        Self { version, spent_credit, refund_grace_days, grace_on_own_request, earning_points_max }
    }
}

impl From<PolicyChanged> for domain::PolicyChanged {
    fn from(stored: PolicyChanged) -> Self {
        let PolicyChanged {
            version,
            spent_credit,
            refund_grace_days,
            grace_on_own_request,
            earning_points_max,
        } = stored;
        let policy =
            Policy { spent_credit, refund_grace_days, grace_on_own_request, earning_points_max };
        Self { version, policy }
    }
}

/// `earning-rule-set`.
#[derive(Serialize, Deserialize)]
pub(crate) struct EarningRuleSet<'a> {
    rule_id: Cow<'a, RuleId>,
    version: u64,
    unit: UnitId,
    rate: Rate,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    categories: Vec<CategoryRate<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    multipliers: Vec<Multiplier>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cap: Option<Cap>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expiry: Option<ExpiryRule>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pending_days: u16,
    #[serde(default, skip_serializing_if = "TimeZone::is_utc")]
    time_zone: TimeZone,
    #[serde(default, skip_serializing_if = "is_zero")]
    backdate_days: u16,
}

impl<'a> From<&'a domain::EarningRuleSet> for EarningRuleSet<'a> {
    fn from(fact: &'a domain::EarningRuleSet) -> Self {
        let domain::EarningRuleSet { rule_id, version, terms } = fact;
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
            rule_id: Cow::Borrowed(rule_id),
            version: *version,
            unit: *unit,
            rate: rate.into(),
            categories: categories.iter().map(Into::into).collect(),
            multipliers: multipliers.iter().map(Into::into).collect(),
            cap: cap.as_ref().map(Into::into),
            expiry: expiry.map(Into::into),
            pending_days: *pending_days,
            time_zone: time_zone.clone(),
            backdate_days: *backdate_days,
        }
    }
}

impl From<EarningRuleSet<'_>> for domain::EarningRuleSet {
    fn from(stored: EarningRuleSet<'_>) -> Self {
        let EarningRuleSet {
            rule_id,
            version,
            unit,
            rate,
            categories,
            multipliers,
            cap,
            expiry,
            pending_days,
            time_zone,
            backdate_days,
        } = stored;
        let terms = EarningTerms {
            unit,
            rate: rate.into(),
            categories: categories.into_iter().map(Into::into).collect(),
            multipliers: multipliers.into_iter().map(Into::into).collect(),
            cap: cap.map(Into::into),
            expiry: expiry.map(Into::into),
            pending_days,
            time_zone,
            backdate_days,
        };
        Self { rule_id: rule_id.into_owned(), version, terms }
    }
}

/// For how long credit can be spent: `{"months":12}` or `{"end_of_year":1}`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExpiryRule {
    Months(u16),
    EndOfYear(u16),
}

impl From<domain::ExpiryRule> for ExpiryRule {
    fn from(rule: domain::ExpiryRule) -> Self {
        match rule {
            domain::ExpiryRule::Months(months) => Self::Months(months),
            domain::ExpiryRule::EndOfYear(years) => Self::EndOfYear(years),
        }
    }
}

impl From<ExpiryRule> for domain::ExpiryRule {
    fn from(stored: ExpiryRule) -> Self {
        match stored {
            ExpiryRule::Months(months) => Self::Months(months),
            ExpiryRule::EndOfYear(years) => Self::EndOfYear(years),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's own signature")]
const fn is_zero(value: &u16) -> bool {
    *value == 0
}

/// So many points for so much money.
#[derive(Serialize, Deserialize)]
pub(crate) struct Rate {
    #[serde(with = "domain::sum")]
    points: Points,
    per_amount: Points,
    #[serde(default, skip_serializing_if = "is_false")]
    full_steps_only: bool,
}

impl From<&domain::Rate> for Rate {
    fn from(fact: &domain::Rate) -> Self {
        let domain::Rate { points, per_amount, full_steps_only } = fact;
        Self { points: *points, per_amount: *per_amount, full_steps_only: *full_steps_only }
    }
}

impl From<Rate> for domain::Rate {
    fn from(stored: Rate) -> Self {
        let Rate { points, per_amount, full_steps_only } = stored;
        Self { points, per_amount, full_steps_only }
    }
}

/// A rate for some goods.
#[derive(Serialize, Deserialize)]
pub(crate) struct CategoryRate<'a> {
    category: Cow<'a, Category>,
    rate: Rate,
}

impl<'a> From<&'a domain::CategoryRate> for CategoryRate<'a> {
    fn from(fact: &'a domain::CategoryRate) -> Self {
        let domain::CategoryRate { category, rate } = fact;
        Self { category: Cow::Borrowed(category), rate: rate.into() }
    }
}

impl From<CategoryRate<'_>> for domain::CategoryRate {
    fn from(stored: CategoryRate<'_>) -> Self {
        let CategoryRate { category, rate } = stored;
        Self { category: category.into_owned(), rate: rate.into() }
    }
}

/// A time in which everything earns more, or those who earn more.
#[derive(Serialize, Deserialize)]
pub(crate) struct Multiplier {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tier: Option<LadderTier>,
    percent: u32,
}

impl From<&domain::Multiplier> for Multiplier {
    fn from(fact: &domain::Multiplier) -> Self {
        let domain::Multiplier { from, until, tier, percent } = fact;
        Self { from: *from, until: *until, tier: *tier, percent: *percent }
    }
}

impl From<Multiplier> for domain::Multiplier {
    fn from(stored: Multiplier) -> Self {
        let Multiplier { from, until, tier, percent } = stored;
        Self { from, until, tier, percent }
    }
}

/// The most that a shopper earns by a rule within a period.
#[derive(Serialize, Deserialize)]
pub(crate) struct Cap {
    points: Points,
    period: Period,
}

impl From<&domain::Cap> for Cap {
    fn from(fact: &domain::Cap) -> Self {
        let domain::Cap { points, period } = fact;
        Self { points: *points, period: *period }
    }
}

impl From<Cap> for domain::Cap {
    fn from(stored: Cap) -> Self {
        let Cap { points, period } = stored;
        Self { points, period }
    }
}

//! The programme: its rules, its policy, and what has flowed through it.

use domain::{EarningRuleSet, PolicyChanged, SpentCredit};

use super::{At, Rows, int, json};

#[derive(Debug)]
pub(crate) struct EarningRule {
    pub(crate) rule_id: String,
    pub(crate) version: i64,
    /// JSON in a text, as the table keeps it.
    pub(crate) terms: String,
    pub(crate) recorded_at: i64,
    pub(crate) partition: u16,
    pub(crate) position: i64,
}

#[derive(Debug)]
pub(crate) struct PolicyRow {
    pub(crate) spent_credit: &'static str,
    pub(crate) refund_grace_days: u16,
    pub(crate) partition: u16,
    pub(crate) position: i64,
}

/// What a batch adds to the programme's totals, in the order of the table's columns.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) issued: i64,
    pub(crate) redeemed: i64,
    pub(crate) refunded: i64,
    pub(crate) expired: i64,
    pub(crate) withdrawn: i64,
    pub(crate) sent: i64,
    pub(crate) received: i64,
    pub(crate) repaid: i64,
    pub(crate) exchanges: i64,
    pub(crate) cancellations: i64,
    pub(crate) purchases: i64,
    pub(crate) returns: i64,
    pub(crate) holds: i64,
    pub(crate) transfers: i64,
    pub(crate) shipments: i64,
}

/// Adds points to a total, which stops at the largest number.
pub(super) const fn add(total: &mut i64, points: i64) {
    *total = total.saturating_add(points);
}

impl Rows {
    pub(super) fn earning_rule_set(
        &mut self,
        at: At<'_>,
        fact: &EarningRuleSet,
    ) -> Result<(), serde_json::Error> {
        self.earning_rules.push(EarningRule {
            rule_id: fact.rule_id.to_string(),
            version: int(fact.version),
            terms: json(&fact.terms)?,
            recorded_at: at.recorded_at.micros(),
            partition: at.partition(),
            position: at.position(),
        });
        Ok(())
    }

    pub(super) fn policy_changed(&mut self, at: At<'_>, fact: PolicyChanged) {
        self.policy = Some(PolicyRow {
            spent_credit: match fact.policy.spent_credit {
                SpentCredit::Refuse => "refuse",
                SpentCredit::Debt => "debt",
            },
            refund_grace_days: fact.policy.refund_grace_days,
            partition: at.partition(),
            position: at.position(),
        });
    }
}

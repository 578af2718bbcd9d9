//! The programme: its rules and its policy.

use domain::{EarningRuleSet, PolicyChanged, SpentCredit};
use read_model::{EarningRule, Policy};

use super::{At, Rows, int, json};

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
            partition: at.partition().into(),
            position: at.position(),
        });
        Ok(())
    }

    pub(super) fn policy_changed(&mut self, at: At<'_>, fact: PolicyChanged) {
        let domain::Policy {
            spent_credit,
            refund_grace_days,
            grace_on_own_request,
            earning_points_max,
        } = fact.policy;
        let spent_credit = match spent_credit {
            SpentCredit::Refuse => "refuse",
            SpentCredit::Debt => "debt",
            SpentCredit::Forgive => "forgive",
        };
        self.policy = Some(Policy {
            number: 1,
            version: int(fact.version),
            spent_credit: spent_credit.into(),
            refund_grace_days: refund_grace_days.into(),
            grace_on_own_request,
            earning_points_max: int(earning_points_max.get()),
            partition: at.partition().into(),
            position: at.position(),
        });
    }
}

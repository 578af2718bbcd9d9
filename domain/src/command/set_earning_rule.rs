//! Make an earning rule, or replace its terms as they were read.

use log_record::Position;

use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::{Decision, EarningRuleSet, EarningTerms, Event, Refusal, RuleId, State, Subject};

/// Sets a rule. What was earned stays as it was earned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetEarningRule {
    /// The rule.
    pub rule_id: RuleId,
    /// The terms from now on, whole.
    pub terms: EarningTerms,
    /// The version that the caller expects to replace.
    pub expected: ExpectedVersion,
}

/// The version that a caller expects a thing to have when it sets the thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// The thing doesn't exist yet.
    Absent,
    /// The thing exists, at any version.
    Any,
    /// The thing is at one of these versions.
    OneOf(Box<[u64]>),
}

impl CommandRules for SetEarningRule {
    fn name(&self) -> &'static str {
        "set-earning-rule"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        let state = draft.state;
        let rule = state.rule(&self.rule_id);
        let version = match (rule, &self.expected) {
            (None, ExpectedVersion::Absent) => 1,
            (None, _) => return Err(Refusal::RuleUnknown),
            (Some(rule), _) if rule.terms.says_same(&self.terms) => return Ok(Decision::Unchanged),
            (Some(rule), ExpectedVersion::Absent) => {
                return Err(Refusal::RuleExists { version: rule.version });
            }
            (Some(rule), ExpectedVersion::OneOf(read)) if !read.contains(&rule.version) => {
                return Err(Refusal::RuleChanged { version: rule.version });
            }
            (Some(rule), _) if rule.terms.unit != self.terms.unit => {
                return Err(Refusal::RuleFixed { unit: rule.terms.unit });
            }
            (Some(rule), _) => rule.version + 1,
        };
        draft.unit_number(self.terms.unit)?;
        draft.check_not_closed(self.terms.unit)?;
        let mut tiers = self.terms.multipliers.iter().filter_map(|multiplier| multiplier.tier);
        tiers.try_for_each(|tier| draft.check_named(tier))?;
        Ok(Decision::of(Event::EarningRuleSet(EarningRuleSet {
            rule_id: self.rule_id.clone(),
            version,
            terms: self.terms.clone(),
        })))
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Subject::rule(state, &self.rule_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::*;

    #[test]
    fn the_order_of_categories_and_multipliers_changes_nothing() {
        let terms = |names: [&str; 2], percents: [u32; 2]| EarningTerms {
            categories: names
                .map(|name| crate::CategoryRate { category: id(name), rate: rate(2).rate })
                .to_vec(),
            multipliers: percents.map(|percent| during(1, 2, percent)).to_vec(),
            ..rate(1)
        };
        given([])
            .does(rule("r", terms(["toys", "books"], [200, 300]), ExpectedVersion::Absent))
            .when(rule("r", terms(["books", "toys"], [300, 200]), ExpectedVersion::Any))
            .then_unchanged();
    }

    #[test]
    fn a_rule_keeps_its_unit_which_is_open() {
        let of_miles = |points| in_miles(rate(points));
        given([])
            .refuses(rule("r", of_miles(1), ExpectedVersion::Absent), "unit-unknown")
            .does(make_unit("miles"))
            .does(rule("r", of_miles(1), ExpectedVersion::Absent))
            .refuses(rule("r", rate(1), ExpectedVersion::Any), "rule-fixed")
            .does(rule("r", of_miles(2), ExpectedVersion::Any))
            .does(close_unit("miles"))
            .refuses(rule("r", of_miles(3), ExpectedVersion::Any), "unit-closed")
            .refuses(rule("q", of_miles(3), ExpectedVersion::Absent), "unit-closed")
            .when(rule("r", of_miles(2), ExpectedVersion::Any))
            .then_unchanged();
    }

    #[test]
    fn a_rule_is_made_and_changed_as_it_was_read() {
        given([])
            .refuses(rule("r", rate(1), ExpectedVersion::Any), "rule-unknown")
            .does(rule("r", rate(1), ExpectedVersion::Absent))
            .refuses(rule("r", rate(2), ExpectedVersion::Absent), "rule-exists")
            .refuses(rule("r", rate(2), ExpectedVersion::OneOf([2].into())), "rule-changed")
            .does(rule("r", rate(2), ExpectedVersion::OneOf([1].into())))
            .does(rule("r", rate(3), ExpectedVersion::Any))
            .when(rule("r", rate(3), ExpectedVersion::OneOf([1].into())))
            .then_unchanged();
    }
}

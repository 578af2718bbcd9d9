//! Make an earning rule, or replace its terms as they were read.

use super::Decision;
use crate::{EarningRuleSet, EarningTerms, Event, Refusal, RuleId, State};

/// Sets a rule. What was earned stays as it was earned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetEarningRule {
    /// The rule.
    pub rule_id: RuleId,
    /// The terms from now on, whole.
    pub terms: EarningTerms,
    /// What the caller knows of it.
    pub known: Known,
}

/// What a caller who sets something knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// That it isn't there yet.
    Nothing,
    /// That it is there, at any version.
    Existence,
    /// At which version it was read.
    Version(u64),
}

impl SetEarningRule {
    pub(super) fn decide(&self, state: &State) -> Result<Decision, Refusal> {
        let rule = state.rule(&self.rule_id);
        let version = match (rule, self.known) {
            (None, Known::Nothing) => 1,
            (None, _) => return Err(Refusal::RuleUnknown),
            (Some(rule), _) if rule.terms == self.terms => return Ok(Decision::Standing),
            (Some(rule), Known::Nothing) => {
                return Err(Refusal::RuleExists { version: rule.version });
            }
            (Some(rule), Known::Version(read)) if read != rule.version => {
                return Err(Refusal::RuleChanged { version: rule.version });
            }
            (Some(rule), _) => rule.version + 1,
        };
        Ok(Decision::of(Event::EarningRuleSet(EarningRuleSet {
            rule_id: self.rule_id.clone(),
            version,
            terms: self.terms.clone(),
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::*;

    #[test]
    fn a_rule_is_made_and_changed_as_it_was_read() {
        given([])
            .refuses(rule("r", rate(1), Known::Existence), "rule-unknown")
            .does(rule("r", rate(1), Known::Nothing))
            .refuses(rule("r", rate(2), Known::Nothing), "rule-exists")
            .refuses(rule("r", rate(2), Known::Version(2)), "rule-changed")
            .does(rule("r", rate(2), Known::Version(1)))
            .does(rule("r", rate(3), Known::Existence))
            .when(rule("r", rate(3), Known::Version(1)))
            .then_stands();
    }
}

//! Choose the programme's policy.

use log_record::Position;

use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::{Decision, Event, Policy, PolicyChanged, Refusal, State, Subject};

/// Sets the policy. What was decided by the former one stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetPolicy {
    /// The policy from now on, whole.
    pub policy: Policy,
    /// The versions of which the caller read one; without them, any.
    pub read_versions: Option<Box<[u64]>>,
}

impl CommandRules for SetPolicy {
    fn name(&self) -> &'static str {
        "set-policy"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        let state = draft.state;
        let (policy, _) = state.policy();
        if policy == self.policy {
            return Ok(Decision::Unchanged);
        }
        let version = state.policy_version();
        if self.read_versions.as_ref().is_some_and(|read| !read.contains(&version)) {
            return Err(Refusal::PolicyChanged { version });
        }
        let changed = PolicyChanged { version: version + 1, policy: self.policy };
        Ok(Decision::of(Event::PolicyChanged(changed)))
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Some(Subject::policy(state))
    }
}

#[cfg(test)]
mod tests {
    use crate::SpentCredit;
    use crate::scenario::*;

    #[test]
    fn a_policy_that_is_as_asked_for_stands() {
        given([]).when(policy(SpentCredit::Refuse, 30)).then_unchanged();
        given([])
            .does(policy(SpentCredit::Debt, 30))
            .when(policy(SpentCredit::Debt, 30))
            .then_unchanged();
    }

    #[test]
    fn a_policy_is_changed_as_it_was_read() {
        given([])
            .refuses(policy_read(1, SpentCredit::Debt, 30), "policy-changed")
            .does(policy_read(0, SpentCredit::Debt, 30))
            .refuses(policy_read(0, SpentCredit::Debt, 7), "policy-changed")
            .does(policy_read(1, SpentCredit::Debt, 7))
            .when(policy_read(1, SpentCredit::Debt, 7))
            .then_unchanged();
    }
}

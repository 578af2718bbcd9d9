//! Choose the programme's policy.

use log_record::Position;

use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::{Decision, Event, Policy, PolicyChanged, Refusal, State, Subject};

/// Sets the policy. What was decided by the former one stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetPolicy {
    /// The policy from now on, whole.
    pub policy: Policy,
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
        Ok(Decision::of(Event::PolicyChanged(PolicyChanged { policy: self.policy })))
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
}

//! Choose the programme's policy.

use super::Decision;
use crate::{Event, Policy, PolicyChanged, State};

/// Sets the policy. What was decided by the former one stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetPolicy {
    /// The policy from now on, whole.
    pub policy: Policy,
}

impl SetPolicy {
    pub(super) fn decide(self, state: &State) -> Decision {
        let (policy, _) = state.policy();
        if policy == self.policy {
            return Decision::Standing;
        }
        Decision::of(Event::PolicyChanged(PolicyChanged { policy: self.policy }))
    }
}

#[cfg(test)]
mod tests {
    use crate::SpentCredit;
    use crate::scenario::*;

    #[test]
    fn a_policy_that_is_as_asked_for_stands() {
        given([]).when(policy(SpentCredit::Refuse, 30)).then_stands();
        given([])
            .does(policy(SpentCredit::Debt, 30))
            .when(policy(SpentCredit::Debt, 30))
            .then_stands();
    }
}

//! What a command sets whole: the answer to such a command shows it.

use log_record::Position;

use crate::{EarningRule, Offer, OfferId, Policy, RuleId, State};

/// A thing that a command sets whole, in its present state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An offer.
    Offer(Box<Offer>),
    /// An earning rule.
    Rule(Box<EarningRule>),
    /// The policy.
    Policy(Policy),
}

impl Subject {
    /// An offer, and the event that last changed it.
    pub(crate) fn offer(state: &State, id: &OfferId) -> Option<(Self, Position)> {
        let offer = state.offer(id)?;
        Some((Self::Offer(Box::new(offer.clone())), offer.changed_at))
    }

    /// An earning rule, and the event that last changed it.
    pub(crate) fn rule(state: &State, id: &RuleId) -> Option<(Self, Position)> {
        let rule = state.rule(id)?;
        Some((Self::Rule(Box::new(rule.clone())), rule.changed_at))
    }

    /// The policy, and the event that last changed it.
    pub(crate) const fn policy(state: &State) -> (Self, Position) {
        let (policy, changed_at) = state.policy();
        (Self::Policy(policy), changed_at)
    }
}

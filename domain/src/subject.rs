//! What a command sets whole, or tells something of: the answer to such a command shows it.

use log_record::Position;

use crate::{
    AccountId, EarningRule, Offer, OfferId, Policy, RuleId, Shipment, Shipped, ShippedLine, State,
};

/// A thing that a command sets whole or tells something of, in its present state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An offer.
    Offer(Box<Offer>),
    /// An earning rule.
    Rule(Box<EarningRule>),
    /// The policy.
    Policy(Policy),
    /// A shipping request.
    Shipment(Shipment),
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

    /// A shipping request for these lines, and the event that asked for it.
    pub(crate) fn shipment(
        state: &State,
        account: &AccountId,
        shipped: &Shipped,
        asked: &[ShippedLine],
    ) -> Option<(Self, Position)> {
        let asked_at = state.asked_at(account, shipped)?;
        Some((Self::Shipment(state.shipment(account, shipped, asked)), asked_at))
    }
}

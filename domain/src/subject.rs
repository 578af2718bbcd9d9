//! What a command sets whole, or tells something of: the answer to such a command shows it.

use log_record::Position;

use crate::{
    AccountId, ConversionRate, EarningRule, Ladder, LadderId, Merger, Offer, OfferId, OfferStatus,
    Policy, RuleId, Shipment, Shipped, ShippedLine, State, Timestamp, Unit, UnitId,
};

/// A thing that a command sets whole or tells something of, in its present state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An offer, and what it is now.
    Offer(Box<Offer>, OfferStatus),
    /// An earning rule.
    Rule(Box<EarningRule>),
    /// The policy, and its version.
    Policy(Policy, u64),
    /// A unit.
    Unit(Box<Unit>),
    /// A ladder.
    Ladder(Box<Ladder>),
    /// A conversion rate.
    ConversionRate(Box<ConversionRate>),
    /// A shipping request.
    Shipment(Shipment),
    /// Whether an account is in a segment.
    Segment {
        /// It is.
        member: bool,
    },
    /// An account's merger into another, if there is one or is about to be.
    Merger(Option<Merger>),
    /// A seal of balances that isn't there.
    NotSealed,
}

impl Subject {
    /// An offer, and the event that last changed it.
    pub(crate) fn offer(state: &State, id: &OfferId) -> Option<(Self, Position)> {
        let mut offer = state.offer(id)?.clone();
        // Where many partitions sell it, its home knows the whole stock.
        if let Some(home) = state.offer_home(id) {
            offer.inventory = home.inventory();
        }
        let (status, changed_at) = (offer.status(state.recorded_at()), offer.changed_at);
        Some((Self::Offer(Box::new(offer), status), changed_at))
    }

    /// The same at a later time.
    pub(crate) fn at(self, now: Timestamp) -> Self {
        match self {
            Self::Offer(offer, _) => {
                let status = offer.status(now);
                Self::Offer(offer, status)
            }
            other => other,
        }
    }

    /// An earning rule, and the event that last changed it.
    pub(crate) fn rule(state: &State, id: &RuleId) -> Option<(Self, Position)> {
        let rule = state.rule(id)?;
        Some((Self::Rule(Box::new(rule.clone())), rule.changed_at))
    }

    /// The policy, and the event that last changed it.
    pub(crate) const fn policy(state: &State) -> (Self, Position) {
        let (policy, changed_at) = state.policy();
        (Self::Policy(policy, state.policy_version()), changed_at)
    }

    /// An account's merger, and the event that it is known by; the last event where there is none.
    pub(crate) fn merger(state: &State, id: &AccountId) -> (Self, Position) {
        let merger = state.merger(id).cloned();
        let at = merger.as_ref().map_or(state.position(), |merger| merger.at);
        (Self::Merger(merger), at)
    }

    /// A unit, and the event that last changed it.
    pub(crate) fn unit(state: &State, id: UnitId) -> Option<(Self, Position)> {
        let unit = state.unit(id)?;
        Some((Self::Unit(Box::new(unit.clone())), unit.changed_at))
    }

    /// A ladder, and the event that last changed it.
    pub(crate) fn ladder(state: &State, id: LadderId) -> Option<(Self, Position)> {
        let ladder = state.ladder(id)?;
        Some((Self::Ladder(Box::new(ladder.clone())), ladder.changed_at))
    }

    /// A conversion rate, and the event that last changed it.
    pub(crate) fn conversion_rate(
        state: &State,
        from: UnitId,
        to: UnitId,
    ) -> Option<(Self, Position)> {
        let rate = state.conversion_rate(from, to)?;
        Some((Self::ConversionRate(Box::new(rate.clone())), rate.changed_at))
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

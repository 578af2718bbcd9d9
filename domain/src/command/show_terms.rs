//! Show what an operator is about to change. It records nothing.

use log_record::Position;

use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::{AccountId, Decision, OfferId, Refusal, RuleId, State, Subject};

/// Shows terms as they are when the command's turn comes, with their version. A change that is made
/// out of them is decided by that version, so nobody else's change in between is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShowTerms {
    /// An offer's.
    Offer(OfferId),
    /// An earning rule's.
    Rule(RuleId),
    /// The policy.
    Policy,
    /// An account's merger.
    Merger(AccountId),
}

impl CommandRules for ShowTerms {
    fn name(&self) -> &'static str {
        "show-terms"
    }

    fn owner(&self) -> Owner<'_> {
        match self {
            Self::Merger(id) => Owner::Account(id),
            Self::Offer(_) | Self::Rule(_) | Self::Policy => Owner::Programme,
        }
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        let state = draft.state;
        match self {
            Self::Offer(id) if state.offer(id).is_none() => Err(Refusal::OfferUnknown),
            Self::Rule(id) if state.rule(id).is_none() => Err(Refusal::RuleUnknown),
            Self::Merger(id) if state.account(id).is_none() => Err(Refusal::AccountUnknown),
            Self::Offer(_) | Self::Rule(_) | Self::Policy | Self::Merger(_) => {
                Ok(Decision::Unchanged)
            }
        }
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        match self {
            Self::Offer(id) => Subject::offer(state, id),
            Self::Rule(id) => Subject::rule(state, id),
            Self::Policy => Some(Subject::policy(state)),
            Self::Merger(id) => Some(Subject::merger(state, id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::*;

    #[test]
    fn what_is_shown_stays_as_it_is() {
        let shown = |what| crate::Command::ShowTerms(what);
        given([])
            .refuses(shown(ShowTerms::Offer(id("mug"))), "offer-unknown")
            .refuses(shown(ShowTerms::Rule(id("default"))), "rule-unknown")
            .does(open("mug", 300, None))
            .when(shown(ShowTerms::Offer(id("mug"))))
            .then_unchanged();
        given([]).when(shown(ShowTerms::Policy)).then_unchanged();
    }
}

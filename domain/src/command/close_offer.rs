//! End an offer, until it is reopened.

use log_record::Position;

use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::{Decision, Event, OfferClosed, OfferId, OfferPhase, Refusal, State, Subject};

/// Closes an offer. What was sold is still shipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseOffer {
    /// The offer.
    pub offer_id: OfferId,
}

impl CommandRules for CloseOffer {
    fn name(&self) -> &'static str {
        "close-offer"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        let state = draft.state;
        let offer = state.offer(&self.offer_id).ok_or(Refusal::OfferUnknown)?;
        match offer.phase {
            OfferPhase::Closed { .. } => Ok(Decision::Unchanged),
            OfferPhase::Open | OfferPhase::Paused { .. } => {
                Ok(Decision::of(Event::OfferClosed(OfferClosed {
                    offer_id: self.offer_id.clone(),
                    version: offer.version + 1,
                })))
            }
        }
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Subject::offer(state, &self.offer_id)
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

    #[test]
    fn an_offer_closes_once() {
        given([opened("mug", 300, None)]).when(close("mug")).then([closed("mug")]);
        given([opened("mug", 300, None), closed("mug")]).when(close("mug")).then_unchanged();
    }

    #[test]
    fn only_what_was_opened_closes() {
        given([]).when(close("mug")).then_refused("offer-unknown");
    }
}

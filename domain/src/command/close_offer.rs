//! End an offer for good.

use super::Decision;
use crate::{Event, OfferClosed, OfferId, OfferPhase, Refusal, State};

/// Closes an offer. What was sold is still shipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseOffer {
    /// The offer.
    pub offer_id: OfferId,
}

impl CloseOffer {
    pub(super) fn decide(&self, state: &State) -> Result<Decision, Refusal> {
        let offer = state.offer(&self.offer_id).ok_or(Refusal::OfferUnknown)?;
        match offer.phase {
            OfferPhase::Closed { .. } => Ok(Decision::Standing),
            OfferPhase::Open => Ok(Decision::of(Event::OfferClosed(OfferClosed {
                offer_id: self.offer_id.clone(),
            }))),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

    #[test]
    fn an_offer_closes_once() {
        given([opened("mug", 300, None)]).when(close("mug")).then([closed("mug")]);
        given([opened("mug", 300, None), closed("mug")]).when(close("mug")).then_stands();
    }

    #[test]
    fn only_what_was_opened_closes() {
        given([]).when(close("mug")).then_refused("offer-unknown");
    }
}

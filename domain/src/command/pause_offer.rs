//! Stop an offer for a while.

use log_record::Position;

use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::{Decision, Event, OfferId, OfferPaused, OfferPhase, Refusal, State, Subject};

/// Pauses an offer: it takes no redemptions until it is resumed. All else goes on, and its terms
/// and its stock can be changed meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PauseOffer {
    /// The offer.
    pub offer_id: OfferId,
    /// The versions of which the caller read one; without them, any. Asked again with them, it
    /// doesn't undo a later resumption.
    pub read_versions: Option<Box<[u64]>>,
}

impl CommandRules for PauseOffer {
    fn name(&self) -> &'static str {
        "pause-offer"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        let state = draft.state;
        let offer = state.offer(&self.offer_id).ok_or(Refusal::OfferUnknown)?;
        match offer.phase {
            OfferPhase::Closed { at } => Err(Refusal::OfferClosed { at }),
            OfferPhase::Paused { .. } => Ok(Decision::Unchanged),
            OfferPhase::Open => {
                offer.check_version(self.read_versions.as_deref())?;
                Ok(Decision::of(Event::OfferPaused(OfferPaused {
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
    fn an_offer_pauses_once() {
        given([])
            .refuses(pause("mug"), "offer-unknown")
            .does(open("mug", 300, None))
            .does(pause("mug"))
            .when(pause("mug"))
            .then_unchanged();
        given([opened("mug", 300, None), closed("mug")]).refuses(pause("mug"), "offer-closed");
    }

    #[test]
    fn a_pause_asked_again_as_it_was_read_does_not_undo_a_later_resumption() {
        given([opened("mug", 300, None)])
            .does(pause_as_read("mug", 1))
            .when(pause_as_read("mug", 1))
            .then_unchanged();
        given([opened("mug", 300, None)])
            .does(pause_as_read("mug", 1))
            .does(resume("mug", "r-1", 2))
            .refuses(pause_as_read("mug", 1), "offer-changed");
    }

    #[test]
    fn a_paused_offer_takes_no_redemptions_and_can_be_changed() {
        given([opened("mug", 300, Some(10)), earned("ann", 900, "B-1")])
            .does(redeem("ann", "x-1", "mug"))
            .does(hold("ann", "h-1", 300, 100))
            .does(pause("mug"))
            .refuses(redeem("ann", "x-2", "mug"), "offer-not-open")
            .refuses(capture_for("ann", "h-1", "x-2", "mug"), "offer-not-open")
            .does(cancel("ann", "x-1", "c-1", None))
            .does(add_stock("mug", "s-1", 5))
            .does(amend("mug", 200, None, 2))
            .refuses(redeem("ann", "x-2", "mug"), "offer-not-open")
            .does(resume("mug", "r-1", 3))
            .does(redeem("ann", "x-2", "mug"))
            .when(redeem("ann", "x-1", "mug"))
            .then_repeats(5);
    }

    #[test]
    fn a_paused_offer_can_be_closed_and_is_open_when_it_is_reopened() {
        given([opened("mug", 1, None), earned("ann", 900, "B-1")])
            .does(pause("mug"))
            .does(close("mug"))
            .refuses(resume("mug", "r-1", 3), "offer-not-paused")
            .does(reopen("mug", "o-1", 3))
            .does(redeem("ann", "x-1", "mug"));
    }
}

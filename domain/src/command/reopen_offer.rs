//! Let an offer go on that was closed.

use log_record::Position;

use super::rules::{CommandRules, OTHER_CALL, Owner};
use crate::draft::Draft;
use crate::shelves::home_first;
use crate::{
    Decision, Event, IdHash, OfferId, OfferReopened, Refusal, ReopeningId, State, Subject,
};

/// Reopens an offer under its terms and with what is left of its stock. What each shopper has had
/// stays counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReopenOffer {
    /// The offer.
    pub offer_id: OfferId,
    /// The reopening's id, made by the caller: asked again, it doesn't undo a later closure.
    pub reopening_id: ReopeningId,
    /// The versions of which the caller read one; without them, any.
    pub read_versions: Option<Box<[u64]>>,
}

impl CommandRules for ReopenOffer {
    fn name(&self) -> &'static str {
        "reopen-offer"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::reopening(&self.offer_id, &self.reopening_id))
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        let offer = draft.state.offer(&self.offer_id).ok_or(Refusal::OfferUnknown)?;
        offer.check_version(self.read_versions.as_deref())?;
        if !offer.phase.is_closed() {
            return Err(Refusal::OfferNotClosed);
        }
        if let Some(wait) = home_first(draft.state, &self.offer_id) {
            return Ok(wait);
        }
        Ok(Decision::of(Event::OfferReopened(OfferReopened {
            offer_id: self.offer_id.clone(),
            reopening_id: self.reopening_id.clone(),
            version: offer.version + 1,
        })))
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::OfferReopened(_) = event else { return OTHER_CALL };
        None
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Subject::offer(state, &self.offer_id)
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

    #[test]
    fn a_closed_offer_is_reopened_with_what_each_shopper_has_had() {
        given([opened_with("mug", 1, Some(5), Some(2)), earned("ann", 500, "B-1")])
            .does(two("ann", "x-1", "mug"))
            .does(close("mug"))
            .refuses(redeem("ann", "x-2", "mug"), "offer-not-open")
            .does(reopen("mug", "o-1", 2))
            .refuses(redeem("ann", "x-2", "mug"), "shopper-limit-reached")
            .does(cancel("ann", "x-1", "c-1", None))
            .does(two("ann", "x-2", "mug"))
            .when(open_with("mug", 1, Some(5), Some(2)))
            .then_unchanged();
    }

    #[test]
    fn a_reopening_asked_again_does_not_undo_a_later_closure() {
        given([opened("mug", 300, None), closed("mug")])
            .does(reopen("mug", "o-1", 2))
            .does(close("mug"))
            .when(reopen("mug", "o-1", 2))
            .then_repeats(4);
    }

    #[test]
    fn only_what_was_closed_as_it_was_read_is_reopened() {
        given([])
            .refuses(reopen("mug", "o-1", 1), "offer-unknown")
            .does(open("mug", 300, None))
            .refuses(reopen("mug", "o-1", 2), "offer-changed")
            .when(reopen("mug", "o-1", 1))
            .then_refused("offer-not-closed");
    }
}

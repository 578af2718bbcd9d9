//! Let an offer go on that was paused.

use log_record::Position;

use super::rules::{CommandRules, OTHER_CALL, Owner};
use crate::draft::Draft;
use crate::{
    Decision, Event, IdHash, OfferId, OfferPhase, OfferResumed, Refusal, ResumptionId, State,
    Subject,
};

/// Resumes an offer under its terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumeOffer {
    /// The offer.
    pub offer_id: OfferId,
    /// The resumption's id, made by the caller: asked again, it doesn't undo a later pause.
    pub resumption_id: ResumptionId,
    /// The versions of which the caller read one; without them, any.
    pub read_versions: Option<Box<[u64]>>,
}

impl CommandRules for ResumeOffer {
    fn name(&self) -> &'static str {
        "resume-offer"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::resumption(&self.offer_id, &self.resumption_id))
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        let offer = draft.state.offer(&self.offer_id).ok_or(Refusal::OfferUnknown)?;
        offer.check_version(self.read_versions.as_deref())?;
        if !matches!(offer.phase, OfferPhase::Paused { .. }) {
            return Err(Refusal::OfferNotPaused);
        }
        Ok(Decision::of(Event::OfferResumed(OfferResumed {
            offer_id: self.offer_id.clone(),
            resumption_id: self.resumption_id.clone(),
            version: offer.version + 1,
        })))
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::OfferResumed(_) = event else { return OTHER_CALL };
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
    fn a_resumption_asked_again_does_not_undo_a_later_pause() {
        given([opened("mug", 300, None)])
            .does(pause("mug"))
            .does(resume("mug", "r-1", 2))
            .does(pause("mug"))
            .when(resume("mug", "r-1", 2))
            .then_repeats(4);
    }

    #[test]
    fn only_what_was_paused_as_it_was_read_is_resumed() {
        given([])
            .refuses(resume("mug", "r-1", 1), "offer-unknown")
            .does(open("mug", 300, None))
            .refuses(resume("mug", "r-1", 2), "offer-changed")
            .refuses(resume("mug", "r-1", 1), "offer-not-paused");
    }
}

//! Whether somebody may wait for an offer, asked of the offer's home where there are several
//! partitions. It records nothing: the wait begins in the account's partition, and what has changed
//! by then makes no difference but for when it is served.

use log_record::Position;

use super::WAITING_MAX;
use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::{Decision, OfferId, Refusal, State, Subject};

/// Asks an offer's home whether somebody who joins its waiting list now has to wait, and may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmitWait {
    /// The offer.
    pub offer_id: OfferId,
}

impl CommandRules for AdmitWait {
    fn name(&self) -> &'static str {
        "admit-wait"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        let (state, id) = (draft.state, &self.offer_id);
        let home = state.offer_home(id).ok_or(Refusal::OfferUnknown)?;
        if !state.has_to_wait(id, home) {
            return Err(Refusal::NotSoldOut);
        }
        if state.queue(id).is_some_and(|queue| queue.len() >= WAITING_MAX) {
            return Err(Refusal::WaitingListFull { max: WAITING_MAX as u64 });
        }
        Ok(Decision::Unchanged)
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Subject::offer(state, &self.offer_id)
    }
}

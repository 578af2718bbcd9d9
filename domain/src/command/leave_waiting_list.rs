//! Wait no more for a unit of an offer.

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{AccountId, Decision, Event, IdHash, Refusal, Timestamp, WaitEnd, WaitEnded, WaitId};

/// Takes a shopper off an offer's waiting list. A unit that is kept goes to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaveWaitingList {
    /// The account.
    pub account_id: AccountId,
    /// The wait.
    pub wait_id: WaitId,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

impl CommandRules for LeaveWaitingList {
    fn name(&self) -> &'static str {
        "leave-waiting-list"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::wait_leaving(&self.account_id, &self.wait_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let state = draft.state;
        let waiter = state.waiter_by_id(&self.account_id, &self.wait_id);
        let waiter = waiter.filter(|(_, it)| !it.is_over(draft.now));
        let Some((number, waiter)) = waiter else {
            let wait = IdHash::wait(&self.account_id, &self.wait_id);
            let is_known = state.recorded().position_of(wait).is_some();
            return Err(if is_known { Refusal::WaitEnded } else { Refusal::WaitUnknown });
        };
        let offer_id = state.offer_id(number).ok_or(Refusal::OfferUnknown)?.clone();
        let (reason, served) = (WaitEnd::Left, waiter.deadline.is_some());
        let (wait_id, occurred_at) = (self.wait_id.clone(), self.occurred_at);
        let ended = WaitEnded { wait_id, offer_id, reason, served, occurred_at };
        draft.push_outcome(Event::WaitEnded(self.account_id.clone(), ended));
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::WaitEnded(_, fact) = event else { return OTHER_CALL };
        first_different(&[("occurred_at", self.occurred_at == fact.occurred_at)])
    }
}

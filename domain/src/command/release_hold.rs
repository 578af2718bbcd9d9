//! Give back what is held.

use super::capture_hold::running_hold;
use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    AccountId, Decision, Event, HoldId, HoldReleased, IdHash, Refusal, ReleaseReason, Timestamp,
};

/// Releases a hold, which ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseHold {
    /// The account.
    pub account_id: AccountId,
    /// The hold.
    pub hold_id: HoldId,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

impl CommandRules for ReleaseHold {
    fn name(&self) -> &'static str {
        "release-hold"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::release(&self.account_id, &self.hold_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        draft.apply_due(&self.account_id);
        let hold = running_hold(&draft, &self.account_id, &self.hold_id)?;
        let released = hold.release(ReleaseReason::Asked).ok_or(Refusal::HoldEnded)?;
        let released = HoldReleased { occurred_at: self.occurred_at, ..released };
        draft.outcome_is_next();
        draft.come_in(Event::HoldReleased(self.account_id.clone(), released));
        draft.apply_due_again(&self.account_id);
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::HoldReleased(_, fact) = event else { return OTHER_CALL };
        first_different(&[("occurred_at", self.occurred_at == fact.occurred_at)])
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

    #[test]
    fn a_released_hold_gives_all_back() {
        held().does(release("ann", "h-1")).leaves("ann", [500, 0, 0, 0]);
        held().does(release("ann", "h-1")).when(release("ann", "h-1")).then_repeats(4);
    }

    #[test]
    fn only_a_hold_that_runs_is_released() {
        given([]).refuses(release("ann", "h-1"), "hold-unknown");
        held().does(capture("ann", "h-1", None)).refuses(release("ann", "h-1"), "hold-ended");
        held().at(100).refuses(release("ann", "h-1"), "hold-ended");
    }

    fn held() -> Scenario {
        given([earned("ann", 500, "B-1")]).does(hold("ann", "h-1", 300, 100))
    }
}

//! Keep credit aside for longer.

use super::HOLD_DAYS_MAX;
use super::capture_hold::running_hold;
use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    AccountId, Decision, Event, ExtensionId, HoldExtended, HoldId, IdHash, Keeps, Refusal,
    Timestamp,
};

/// Moves a hold's deadline on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtendHold {
    /// The account.
    pub account_id: AccountId,
    /// The hold.
    pub hold_id: HoldId,
    /// The extension's id, made by the caller.
    pub extension_id: ExtensionId,
    /// It ends by itself then: later than before.
    pub deadline: Timestamp,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

impl CommandRules for ExtendHold {
    fn name(&self) -> &'static str {
        "extend-hold"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::hold_extension(&self.account_id, &self.hold_id, &self.extension_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        draft.apply_due(&self.account_id);
        let (_, hold) = running_hold(&draft, &self.account_id, &self.hold_id)?;
        if hold.keeps != Keeps::Nothing {
            return Err(Refusal::HoldReservesOffer);
        }
        // With all its extensions, a hold lasts no longer than it might have at first.
        let (after, latest) = (hold.deadline, hold.made_at.plus_days(HOLD_DAYS_MAX));
        if self.deadline <= after || self.deadline > latest {
            return Err(Refusal::DeadlineOutOfRange { after, latest });
        }
        let extended = HoldExtended {
            hold_id: self.hold_id.clone(),
            extension_id: self.extension_id.clone(),
            deadline: self.deadline,
            occurred_at: self.occurred_at,
        };
        draft.push_outcome(Event::HoldExtended(self.account_id.clone(), extended));
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::HoldExtended(_, fact) = event else { return OTHER_CALL };
        first_different(&[
            ("deadline", self.deadline == fact.deadline),
            ("occurred_at", self.occurred_at == fact.occurred_at),
        ])
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

    const DAY: i64 = 24 * 60 * 60;

    #[test]
    fn an_extended_hold_ends_at_its_new_deadline() {
        let extended = || held().does(extend("ann", "h-1", "e-1", 200)).at(100).sweeps();
        extended().leaves("ann", [200, 0, 300, 0]).does(capture("ann", "h-1", None));
        extended().at(199).sweeps().leaves("ann", [200, 0, 300, 0]);
        extended().at(200).sweeps().leaves("ann", [500, 0, 0, 0]);
        extended().at(200).refuses(capture("ann", "h-1", None), "hold-ended");
    }

    #[test]
    fn an_extension_is_recorded_once() {
        let extended = || held().does(extend("ann", "h-1", "e-1", 200));
        extended().when(extend("ann", "h-1", "e-1", 200)).then_repeats(4);
        extended().when(extend("ann", "h-1", "e-1", 300)).then_differs_from(4, "deadline");
        extended().does(extend("ann", "h-1", "e-2", 300));
    }

    #[test]
    fn with_its_extensions_a_hold_lasts_thirty_days_at_most_from_when_it_was_made() {
        held()
            .at(50)
            .refuses(extend("ann", "h-1", "e-1", 100), "deadline-out-of-range")
            .refuses(extend("ann", "h-1", "e-1", 99), "deadline-out-of-range")
            .refuses(extend("ann", "h-1", "e-1", 30 * DAY + 2), "deadline-out-of-range")
            .does(extend("ann", "h-1", "e-1", 30 * DAY + 1));
    }

    #[test]
    fn only_a_hold_that_runs_is_extended() {
        given([]).refuses(extend("ann", "h-1", "e-1", 200), "hold-unknown");
        held().at(100).refuses(extend("ann", "h-1", "e-1", 200), "hold-ended");
        held().does(release("ann", "h-1")).refuses(extend("ann", "h-1", "e-1", 200), "hold-ended");
    }

    fn held() -> Scenario {
        given([earned("ann", 500, "B-1")]).does(hold("ann", "h-1", 300, 100))
    }
}

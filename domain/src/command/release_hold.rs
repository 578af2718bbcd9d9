//! Give back what is held.

use super::capture_hold::running_hold;
use super::kept::{Kept, kept_by};
use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    AccountId, BackFor, Decision, Event, Hold, HoldId, HoldReleased, IdHash, Keeps, Refusal,
    ReleaseReason, Timestamp, UnitId,
};

/// Releases a hold, which ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseHold {
    /// The account.
    pub account_id: AccountId,
    /// The hold.
    pub hold_id: HoldId,
    /// Whether an operator asks, and not the shopper.
    pub by_operator: bool,
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

    fn goes_on(&self) -> bool {
        true
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::release(&self.account_id, &self.hold_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        draft.apply_due(&self.account_id);
        let (unit, hold) = running_hold(&draft, &self.account_id, &self.hold_id)?;
        if hold.keeps != Keeps::Nothing {
            let kept = kept_by(&draft, &self.account_id, &self.hold_id)?;
            return self.release_reserved(draft, &kept);
        }
        let event = self.released(unit, hold, draft.now)?;
        draft.come_in_as_outcome(&self.account_id, event);
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::HoldReleased(_, fact) = event else { return OTHER_CALL };
        first_different(&[("occurred_at", self.occurred_at == fact.occurred_at)])
    }
}

impl ReleaseHold {
    /// All that was held comes back, and the units are free.
    fn release_reserved(&self, mut draft: Draft<'_>, kept: &Kept<'_>) -> Result<Decision, Refusal> {
        draft.outcome_is_next();
        for (unit, hold) in &kept.holds {
            let event = self.released(*unit, hold, draft.now)?;
            draft.come_in(event);
        }
        kept.restock(&mut draft);
        draft.apply_due_again(&self.account_id);
        Ok(draft.finish())
    }

    fn released(&self, unit: UnitId, hold: &Hold, now: Timestamp) -> Result<Event, Refusal> {
        let back_for = if self.by_operator { BackFor::Other } else { BackFor::OwnRequest };
        let until = hold.grace.until(now, back_for);
        let released = hold.release(unit, ReleaseReason::Asked, until).ok_or(Refusal::HoldEnded)?;
        let released = HoldReleased { occurred_at: self.occurred_at, ..released };
        Ok(Event::HoldReleased(self.account_id.clone(), released))
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
    fn what_an_operator_releases_has_grace_and_what_the_shopper_releases_has_none() {
        const GRACE_ENDS: i64 = 31 * 24 * 60 * 60;
        let held =
            || given([]).does(earn_until(50, "ann", 300, "B-1")).does(hold("ann", "h-1", 300, 100));
        let released = || held().at(60).does(release_by_operator("ann", "h-1"));
        released().at(GRACE_ENDS - 1).sweeps().leaves("ann", [300, 0, 0, 0]);
        released().at(GRACE_ENDS).sweeps().leaves("ann", [0, 0, 0, 0]);
        held()
            .at(60)
            .when(release("ann", "h-1"))
            .then_records(["HoldReleased", "CreditExpired"])
            .leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn a_hold_that_ends_by_its_deadline_or_its_capture_has_grace_where_the_policy_says_so() {
        const DAY: i64 = 24 * 60 * 60;
        let held = || {
            given([])
                .does(grace_for_all(2))
                .does(earn_until(50, "ann", 300, "B-1"))
                .does(hold("ann", "h-1", 300, 100))
        };
        // Recorded late, it is reckoned from the deadline all the same.
        held().at(3 * DAY - 1).sweeps().leaves("ann", [300, 0, 0, 0]);
        held().at(3 * DAY).sweeps().leaves("ann", [0, 0, 0, 0]);
        let captured = || held().at(60).does(capture("ann", "h-1", Some(100)));
        captured().at(3 * DAY - 1).sweeps().leaves("ann", [200, 0, 0, 0]);
        captured().at(3 * DAY).sweeps().leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn a_part_has_one_period_of_grace() {
        const DAY: i64 = 24 * 60 * 60;
        let mut story = given([]).does(earn_until(50, "ann", 300, "B-1"));
        for (at, key) in [(10, "h-1"), (20, "h-2"), (30, "h-3")] {
            story = story
                .at(at)
                .does(hold("ann", key, 300, 100))
                .does(release_by_operator("ann", key))
                .leaves("ann", [300, 0, 0, 0]);
        }
        story = story.at(31 * DAY - 1).sweeps().leaves("ann", [300, 0, 0, 0]);
        story.at(31 * DAY).sweeps().leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn what_is_released_bit_by_bit_becomes_one_part_a_day() {
        let mut story = given([]).does(grace_for_all(30)).does(earn_until(900, "ann", 300, "B-1"));
        for number in 0..100 {
            let key = format!("h-{number}");
            story = story.at(1 + number).does(hold("ann", &key, 1, 800)).does(release("ann", &key));
        }
        story.has_parts("ann", 2).leaves("ann", [300, 0, 0, 0]);
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

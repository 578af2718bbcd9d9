//! Close a unit, for good: nothing more is earned of it.

use log_record::Position;

use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::{Decision, Event, Refusal, State, Subject, UnitClosed, UnitId};

/// Closes a unit. What accounts have of it is spent, passed on, given back and expires as before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseUnit {
    /// The unit.
    pub unit: UnitId,
}

impl CommandRules for CloseUnit {
    fn name(&self) -> &'static str {
        "close-unit"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        if self.unit == UnitId::POINTS {
            return Err(Refusal::UnitNotClosable);
        }
        let unit = draft.state.unit(self.unit);
        let unit = unit.ok_or(Refusal::UnitUnknown { unit: self.unit })?;
        if unit.closed_at.is_some() {
            return Ok(Decision::Unchanged);
        }
        let closed = UnitClosed { unit: self.unit, version: unit.version + 1 };
        Ok(Decision::of(Event::UnitClosed(closed)))
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Subject::unit(state, self.unit)
    }
}

#[cfg(test)]
mod tests {
    use crate::command::Direction;
    use crate::scenario::*;
    use crate::{CreditEarned, Event};

    #[test]
    fn a_unit_closes_once_and_points_never() {
        given([])
            .refuses(close_unit("miles"), "unit-unknown")
            .refuses(close_unit("points"), "unit-not-closable")
            .does(make_unit("miles"))
            .does(close_unit("miles"))
            .when(close_unit("miles"))
            .then_unchanged();
    }

    #[test]
    fn nothing_is_earned_or_added_of_a_closed_unit() {
        let earned = CreditEarned::new(id("miles"), points(5), cause("B-9"));
        closed()
            .refuses(in_unit("miles", earn("ann", 5, "B-2")), "unit-closed")
            .refuses(in_unit("miles", adjust(Direction::Add, "ann", 5, "a-1")), "unit-closed")
            .does(earn("ann", 5, "B-2"))
            .never_has(&Event::CreditEarned(id("ann"), earned));
    }

    #[test]
    fn a_purchase_is_recorded_without_credit_of_a_closed_unit() {
        let bought = in_unit("miles", purchase("ann", "P-1", Some(7), &[("tv", 1, 5)]));
        closed()
            .when(bought)
            .then_records(["PurchaseRecorded"])
            .leaves_of("ann", "miles", [100, 0, 0, 0])
            .refuses(in_unit("miles", claim("ann", "P-1")), "unit-closed");
    }

    #[test]
    fn what_is_there_of_a_closed_unit_is_spent_passed_on_and_taken_back() {
        let held = || closed().does(in_unit("miles", hold("ann", "h-1", 60, 100)));
        held().does(capture("ann", "h-1", None)).does(refund("ann", "h-1", "f-1", None));
        held()
            .does(release("ann", "h-1"))
            .does(in_unit("miles", transfer("ann", "bob", 10, "t-1")))
            .does(in_unit("miles", adjust(Direction::Take, "ann", 10, "a-1")))
            .leaves_of("bob", "miles", [10, 0, 0, 0])
            .does(in_unit("miles", adjust(Direction::Take, "ann", 80, "a-2")))
            .leaves_of("ann", "miles", [0, 0, 0, 0]);
        closed()
            .does(in_unit("miles", withdraw("ann", "w-1", "B-1")))
            .does(reverse_withdrawal("ann", "w-1"))
            .leaves_of("ann", "miles", [100, 0, 0, 0]);
    }

    /// Ann has a hundred miles, and bob is there.
    fn closed() -> Scenario {
        given([])
            .does(make_unit("miles"))
            .does(in_unit("miles", earn("ann", 100, "B-1")))
            .does(open_account("bob"))
            .does(close_unit("miles"))
    }
}

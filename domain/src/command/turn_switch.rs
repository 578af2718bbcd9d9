//! Record that a switch was turned.
//!
//! The switch counts already: its setting stands beside the log, where it was turned. So nothing is
//! refused here, and a turn is recorded once, however often that is asked for.

use super::rules::{CommandRules, OTHER_CALL, Owner};
use crate::draft::Draft;
use crate::{Decision, Event, IdHash, Refusal, SwitchTurned};

/// Records a turn of a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnSwitch {
    /// What was turned, and when.
    pub turned: SwitchTurned,
}

impl CommandRules for TurnSwitch {
    fn name(&self) -> &'static str {
        "turn-switch"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn id_hash(&self) -> Option<IdHash> {
        let SwitchTurned { switch, turned_at, .. } = self.turned;
        Some(IdHash::switch_turn(switch, turned_at))
    }

    fn decide(&self, _: Draft<'_>) -> Result<Decision, Refusal> {
        Ok(Decision::of(Event::SwitchTurned(self.turned.clone())))
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::SwitchTurned(_) = event else { return OTHER_CALL };
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::*;
    use crate::{Command, SwitchName, SwitchSetting};

    fn turn(switch: SwitchName, version: u64, seconds: i64) -> Command {
        let setting = SwitchSetting { on: version % 2 == 1, ..SwitchSetting::default() };
        let turned = SwitchTurned { switch, version, setting, turned_at: time(seconds) };
        Command::TurnSwitch(TurnSwitch { turned })
    }

    #[test]
    fn a_turn_is_recorded_once() {
        let first = || turn(SwitchName::ReadOnly, 1, 10);
        given([]).when(first()).then_records(["SwitchTurned"]);
        given([])
            .does(first())
            .does(turn(SwitchName::PauseRedemptions, 1, 10))
            .does(turn(SwitchName::ReadOnly, 2, 11))
            .when(first())
            .then_repeats(2);
    }

    #[test]
    fn versions_may_begin_anew_in_a_copy_of_the_log() {
        given([])
            .does(turn(SwitchName::ReadOnly, 1, 10))
            .when(turn(SwitchName::ReadOnly, 1, 12))
            .then_records(["SwitchTurned"]);
    }
}

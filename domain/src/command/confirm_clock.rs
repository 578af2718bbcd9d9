//! Vouch for the wall clock.

use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::{ClockConfirmed, Decision, Event, Refusal, Timestamp};

/// Records that an operator holds the clock to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfirmClock {
    /// What it said when the operator looked.
    pub wall: Timestamp,
}

impl CommandRules for ConfirmClock {
    fn name(&self) -> &'static str {
        "confirm-clock"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn decide(&self, _: Draft<'_>) -> Result<Decision, Refusal> {
        Ok(Decision::of(Event::ClockConfirmed(ClockConfirmed { wall: self.wall })))
    }
}

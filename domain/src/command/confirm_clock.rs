//! Vouch for the wall clock.

use super::Decision;
use crate::{ClockConfirmed, Event, Timestamp};

/// Records that an operator holds the clock to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfirmClock {
    /// What it said when the operator looked.
    pub wall: Timestamp,
}

impl ConfirmClock {
    pub(super) fn decide(self) -> Decision {
        Decision::of(Event::ClockConfirmed(ClockConfirmed { wall: self.wall }))
    }
}

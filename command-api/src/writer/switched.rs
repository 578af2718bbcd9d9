//! What isn't recorded because of a switch.
//!
//! It is looked at when a decision would record something. So repeats and refusals are answered as
//! ever, and nothing is taken back that was decided before the switch was turned.

use domain::{Command, SwitchName};

use super::run::Run;

impl Run {
    /// The switch under which a command isn't recorded, if it is on. What turns switches off, and
    /// what lets a clock go on, is recorded under every switch.
    pub(super) fn switch_against(&self, command: &Command) -> Option<SwitchName> {
        if matches!(command, Command::TurnSwitch(_) | Command::ConfirmClock(_)) {
            return None;
        }
        if self.is_read_only() {
            return Some(SwitchName::ReadOnly);
        }
        // A hold may reserve units, or be captured for an exchange.
        let is_paused = self.config.switches.is_on(SwitchName::PauseRedemptions);
        (is_paused && command.exchange().is_some()).then_some(SwitchName::PauseRedemptions)
    }

    /// Whether nothing is recorded for anybody, and nothing that falls due.
    pub(super) fn is_read_only(&self) -> bool {
        self.config.switches.is_on(SwitchName::ReadOnly)
    }
}

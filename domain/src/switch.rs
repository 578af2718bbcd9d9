//! The switches of a ledger: what operators turn on and off for all of it at once.
//!
//! A switch isn't part of the state. It counts as soon as it is turned, also while this partition
//! is away, so its setting stands beside the log, and the event that tells of it follows.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{IdHash, Timestamp};

/// A switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SwitchName {
    /// Nothing is redeemed or reserved.
    PauseRedemptions,
    /// Warehouses are told nothing.
    PausePublishing,
    /// Callers may call more often or less often than the settings say.
    ScaleLimits,
    /// Nothing is recorded for anybody.
    ReadOnly,
    /// Reads are answered from memory alone.
    CachedReadsOnly,
}

/// How a switch is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SwitchSetting {
    /// Whether it is on.
    pub on: bool,
    /// What limits are scaled to, of [`SwitchName::ScaleLimits`] while it is on.
    pub percent: Option<u16>,
    /// When it goes off by itself; never, if nothing is said.
    pub until: Option<Timestamp>,
}

/// There is no such switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownSwitch;

impl SwitchName {
    /// All of them, by their names.
    pub const ALL: [Self; 5] = [
        Self::CachedReadsOnly,
        Self::PausePublishing,
        Self::PauseRedemptions,
        Self::ReadOnly,
        Self::ScaleLimits,
    ];

    /// The name, as in paths and events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PauseRedemptions => "pause-redemptions",
            Self::PausePublishing => "pause-publishing",
            Self::ScaleLimits => "scale-limits",
            Self::ReadOnly => "read-only",
            Self::CachedReadsOnly => "cached-reads-only",
        }
    }
}

impl SwitchSetting {
    /// Whether it is on at a time.
    #[must_use]
    pub fn is_on_at(&self, now: Timestamp) -> bool {
        self.on && self.until.is_none_or(|until| now < until)
    }
}

impl IdHash {
    /// A turn of a switch. Its version counts in a store, and begins anew in a copy of the log; the
    /// time doesn't.
    #[must_use]
    pub fn switch_turn(switch: SwitchName, turned_at: Timestamp) -> Self {
        Self::of("~programme", "switch", &format!("{switch}/{}", turned_at.micros()))
    }
}

impl Display for SwitchName {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SwitchName {
    type Err = UnknownSwitch;

    fn from_str(name: &str) -> Result<Self, UnknownSwitch> {
        Self::ALL.into_iter().find(|switch| switch.as_str() == name).ok_or(UnknownSwitch)
    }
}

/// Reads on after the name of a field.
impl Display for UnknownSwitch {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let names = SwitchName::ALL.map(SwitchName::as_str).join(", ");
        write!(f, "must be the name of a switch, one of {names}")
    }
}

impl std::error::Error for UnknownSwitch {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::time;

    #[test]
    fn a_switch_has_one_name_everywhere() {
        for switch in SwitchName::ALL {
            let json = serde_json::to_string(&switch).expect("JSON");
            assert_eq!(json, format!("\"{switch}\""));
            assert_eq!(switch.as_str().parse(), Ok(switch));
        }
        assert!(SwitchName::ALL.map(SwitchName::as_str).is_sorted());
        assert_eq!("turbo".parse::<SwitchName>(), Err(UnknownSwitch));
        assert!(UnknownSwitch.to_string().contains("read-only"));
    }

    #[test]
    fn a_switch_that_is_on_goes_off_at_its_end() {
        let until = |time| SwitchSetting { on: true, until: time, ..SwitchSetting::default() };
        assert!(until(None).is_on_at(time(9)));
        assert!(until(Some(time(9))).is_on_at(time(8)));
        assert!(!until(Some(time(9))).is_on_at(time(9)));
        assert!(!SwitchSetting::default().is_on_at(time(0)));
    }
}

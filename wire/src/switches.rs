//! How the ledger's switches are set, as far as this process knows.
//!
//! Whoever reads the settings where they are kept tells them here; every part of the process asks
//! here whether it may go on, for the price of a look. What was told last counts until something
//! newer is (docs/decisions/0076).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU16, Ordering};

use domain::{SwitchName, SwitchSetting, Timestamp};
use parking_lot::RwLock;
use trace::unix_micros;

/// A switch that has no end goes off at this time.
const ENDLESS: i64 = i64::MAX;

/// The switches of a process. Clones share them; all are off at first.
#[derive(Clone, Debug, Default)]
pub struct Switches(Arc<Known>);

#[derive(Debug)]
struct Known {
    /// Until when each is on, in microseconds since 1970; 0 where it is off.
    on_until: [AtomicI64; SwitchName::ALL.len()],
    limit_percent: AtomicU16,
    is_unread: AtomicBool,
    told: RwLock<Vec<TurnedSwitch>>,
}

/// A switch that was turned, and how it has been set since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnedSwitch {
    /// The switch.
    pub switch: SwitchName,
    /// Counts its turns.
    pub version: u64,
    /// How it is set.
    pub setting: SwitchSetting,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            on_until: Default::default(),
            limit_percent: AtomicU16::new(100),
            is_unread: AtomicBool::new(false),
            told: RwLock::default(),
        }
    }
}

impl Switches {
    /// Whether a switch is on now.
    #[must_use]
    pub fn is_on(&self, switch: SwitchName) -> bool {
        match self.on_until(switch).load(Ordering::Relaxed) {
            0 => false,
            ENDLESS => true,
            until => unix_micros() < until,
        }
    }

    /// What limits on calls are scaled to: 100 for what the settings say.
    pub(crate) fn limit_percent(&self) -> u16 {
        if self.is_on(SwitchName::ScaleLimits) {
            self.0.limit_percent.load(Ordering::Relaxed)
        } else {
            100
        }
    }

    /// Takes in what was read of a switch, unless a later turn of it is known. Gives whether it is
    /// news: another turn of the same version is, for the store may have lost the first one.
    pub fn tell(&self, turned: TurnedSwitch) -> bool {
        let TurnedSwitch { switch, version, setting } = turned;
        let mut told = self.0.told.write();
        match told.iter_mut().find(|it| it.switch == switch) {
            Some(known) if known.version > version || *known == turned => return false,
            Some(known) => *known = turned,
            None => told.push(turned),
        }
        told.sort_by_key(|it| it.switch.as_str());
        if let Some(percent) = setting.percent {
            self.0.limit_percent.store(percent, Ordering::Relaxed);
        }
        let until = setting.until.map_or(ENDLESS, Timestamp::micros);
        self.on_until(switch).store(if setting.on { until } else { 0 }, Ordering::Relaxed);
        true
    }

    /// The switches that are on now, by their names.
    #[must_use]
    pub fn all_on(&self) -> Vec<TurnedSwitch> {
        let mut told = self.0.told.read().clone();
        told.retain(|it| self.is_on(it.switch));
        told
    }

    /// Whether the settings could be read when they were last looked at.
    pub fn set_unread(&self, is_unread: bool) {
        self.0.is_unread.store(is_unread, Ordering::Relaxed);
    }

    /// Whether the settings can't be read, so that those before count.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.0.is_unread.load(Ordering::Relaxed)
    }

    fn on_until(&self, switch: SwitchName) -> &AtomicI64 {
        &self.0.on_until[switch as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turned(switch: SwitchName, version: u64, setting: SwitchSetting) -> TurnedSwitch {
        TurnedSwitch { switch, version, setting }
    }

    fn on() -> SwitchSetting {
        SwitchSetting { on: true, ..SwitchSetting::default() }
    }

    #[test]
    fn the_latest_turn_counts_in_whatever_order_turns_are_told() {
        let switches = Switches::default();
        assert!(SwitchName::ALL.into_iter().all(|switch| !switches.is_on(switch)));
        assert!(switches.tell(turned(SwitchName::ReadOnly, 2, on())));
        assert!(!switches.tell(turned(SwitchName::ReadOnly, 1, SwitchSetting::default())));
        assert!(!switches.tell(turned(SwitchName::ReadOnly, 2, on())));
        assert!(switches.is_on(SwitchName::ReadOnly) && !switches.is_on(SwitchName::ScaleLimits));
        assert!(switches.tell(turned(SwitchName::PausePublishing, 1, on())));
        let names = |switches: &Switches| switches.all_on().iter().map(|it| it.switch).collect();
        let all: Vec<SwitchName> = names(&switches);
        assert_eq!(all, [SwitchName::PausePublishing, SwitchName::ReadOnly]);
        assert!(switches.tell(turned(SwitchName::ReadOnly, 3, SwitchSetting::default())));
        let all: Vec<SwitchName> = names(&switches);
        assert_eq!(all, [SwitchName::PausePublishing]);
        assert!(switches.tell(turned(SwitchName::ReadOnly, 3, on())), "the other one was lost");
        assert!(switches.is_on(SwitchName::ReadOnly));
    }

    #[test]
    fn a_switch_goes_off_at_its_end_and_limits_are_whole_again() {
        let switches = Switches::default();
        let at = |micros| Some(Timestamp::from_micros(micros).expect("a time"));
        let until = |until| SwitchSetting { percent: Some(50), until, ..on() };
        switches.tell(turned(SwitchName::ScaleLimits, 1, until(at(unix_micros() + 60_000_000))));
        assert_eq!((switches.limit_percent(), switches.all_on().len()), (50, 1));
        switches.tell(turned(SwitchName::ScaleLimits, 2, until(at(unix_micros()))));
        assert_eq!((switches.limit_percent(), switches.all_on().len()), (100, 0));
    }
}

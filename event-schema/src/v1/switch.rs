//! The switches of the ledger.

use domain::{SwitchName, SwitchSetting, Timestamp};
use serde::{Deserialize, Serialize};

/// `switch-turned`.
#[derive(Serialize, Deserialize)]
pub(crate) struct SwitchTurned {
    switch: SwitchName,
    version: u64,
    on: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percent: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    turned_at: Timestamp,
}

impl From<&domain::SwitchTurned> for SwitchTurned {
    fn from(fact: &domain::SwitchTurned) -> Self {
        let domain::SwitchTurned { switch, version, setting, turned_at } = fact;
        let SwitchSetting { on, percent, until } = *setting;
        Self { switch: *switch, version: *version, on, percent, until, turned_at: *turned_at }
    }
}

impl From<SwitchTurned> for domain::SwitchTurned {
    fn from(stored: SwitchTurned) -> Self {
        let SwitchTurned { switch, version, on, percent, until, turned_at } = stored;
        let setting = SwitchSetting { on, percent, until };
        Self { switch, version, setting, turned_at }
    }
}

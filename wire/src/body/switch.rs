//! The switches of the ledger, which operators turn.

use domain::{SwitchName, Timestamp};
use serde::{Deserialize, Serialize};

/// `PUT /v1/switches/{switch}`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnSwitchBody {
    /// Whether it is on from now on.
    pub on: bool,
    /// What limits are scaled to, in percent of what the settings say, 1 to 1,000; needed to turn
    /// `scale-limits` on, and for nothing else.
    pub percent: Option<u16>,
    /// When it goes off by itself, in the future; without it, it stays on until it is turned off.
    pub until: Option<Timestamp>,
}

/// A switch.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SwitchBody {
    /// Its name.
    pub switch: SwitchName,
    /// Whether it is on now.
    pub on: bool,
    /// What limits are scaled to, in percent; of `scale-limits`, where it was turned on last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u16>,
    /// When it goes off by itself, or went off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Counts its turns; 0 for a switch that was never turned. The ETag begins with it.
    pub version: u64,
    /// When it was turned last; left out for a switch that was never turned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turned_at: Option<Timestamp>,
    /// Whether the event `switch-turned` of its last turn is recorded, as far as is known.
    pub recorded: bool,
}

/// All switches, by their names.
#[derive(Clone, Debug, Serialize)]
pub struct SwitchesBody {
    /// The switches.
    pub items: Vec<SwitchBody>,
    /// Always null: there is one page.
    pub next: Option<String>,
}

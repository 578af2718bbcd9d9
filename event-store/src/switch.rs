//! The turns of the ledger's switches, beside the log, so that every process looks at the same, and
//! while a partition is away, too.
//!
//! The latest turn of a switch says how it is set. Who turned it, and why, is kept until the event
//! that tells of it is recorded. What a switch does is known elsewhere.

use crate::{EventStore, StoreError};

/// A turn of a switch as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SwitchTurnRow {
    /// The name of the switch.
    pub switch: String,
    /// The first turn of a switch is version 1.
    pub version: i64,
    /// How the switch is set from then on, as JSON.
    pub setting: String,
    /// Who turned it, and why, as JSON; nothing once its event is recorded.
    pub caller: Option<String>,
    /// When it was turned, in microseconds since 1970-01-01T00:00:00Z.
    pub turned_at: i64,
}

/// A change of the turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SwitchChange {
    /// A switch is turned. Of two with the same version, one counts.
    Turn(SwitchTurnRow),
    /// The event of a turn is recorded.
    Recorded {
        /// The name of the switch.
        switch: String,
        /// The turn's version.
        version: i64,
    },
}

impl SwitchChange {
    /// Makes the change in a list of all turns, and says whether it counts. Every store does the
    /// same in its own way.
    pub(crate) fn apply(&self, turns: &mut Vec<SwitchTurnRow>) -> bool {
        match self {
            Self::Turn(row) => {
                let is_late =
                    |it: &SwitchTurnRow| it.switch == row.switch && it.version >= row.version;
                let counts = !turns.iter().any(is_late);
                if counts {
                    turns.push(row.clone());
                }
                counts
            }
            Self::Recorded { switch, version } => {
                let mut latest = 0;
                for turn in turns.iter_mut().filter(|it| it.switch == *switch) {
                    latest = latest.max(turn.version);
                    if turn.version == *version {
                        turn.caller = None;
                    }
                }
                turns.retain(|it| {
                    it.switch != *switch || it.caller.is_some() || it.version == latest
                });
                true
            }
        }
    }
}

/// Without who turned it.
impl std::fmt::Debug for SwitchTurnRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("SwitchTurnRow");
        shown.field("switch", &self.switch).field("version", &self.version);
        shown.field("setting", &self.setting).finish_non_exhaustive()
    }
}

impl EventStore {
    /// Of each switch that was ever turned, the latest turn, and those whose events aren't recorded
    /// yet; by switch and version.
    pub async fn switch_turns(&self) -> Result<Vec<SwitchTurnRow>, StoreError> {
        let mut turns = match self {
            Self::Memory(store) => store.switch_turns(),
            Self::Sqlite(store) => store.switch_turns().await?,
            Self::Postgres(store) => store.switch_turns().await?,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(store) => store.switch_turns().await?,
        };
        turns.sort_by(|a, b| (&a.switch, a.version).cmp(&(&b.switch, b.version)));
        Ok(turns)
    }

    /// Changes the turns, durably; false where somebody else was faster with the same version.
    pub async fn change_switch(&self, change: SwitchChange) -> Result<bool, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.change_switch(&change)),
            Self::Sqlite(store) => store.change_switch(change).await,
            Self::Postgres(store) => store.change_switch(&change).await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(store) => store.change_switch(&change).await,
        }
    }
}

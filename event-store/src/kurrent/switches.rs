//! The turns of switches beside a log in KurrentDB.

use serde::{Deserialize, Serialize};

use super::KurrentStore;
use super::list::List;
use crate::{StoreError, SwitchChange, SwitchTurnRow};

/// All turns after a change.
#[derive(Serialize, Deserialize)]
struct SwitchesChanged {
    turns: Vec<Turn>,
}

#[derive(Serialize, Deserialize)]
struct Turn {
    switch: String,
    version: i64,
    setting: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<String>,
    turned_at: i64,
}

impl KurrentStore {
    pub(crate) async fn switch_turns(&self) -> Result<Vec<SwitchTurnRow>, StoreError> {
        Ok(rows_of(self.turn_list().newest().await?))
    }

    pub(crate) async fn change_switch(&self, change: &SwitchChange) -> Result<bool, StoreError> {
        let mut is_done = true;
        let change = |newest| {
            let before = rows_of(newest);
            let mut turns = before.clone();
            is_done = change.apply(&mut turns);
            let is_changed = is_done && turns != before;
            let turns = turns.into_iter().map(turn_of);
            Ok(is_changed.then(|| SwitchesChanged { turns: turns.collect() }))
        };
        self.turn_list().change(change).await?;
        Ok(is_done)
    }

    fn turn_list(&self) -> List<'_> {
        List {
            connection: &self.shared.connection,
            stream: format!("guerdon_switches-{}", self.shared.log_id),
            event_type: "switches-changed",
        }
    }
}

fn rows_of(newest: Option<SwitchesChanged>) -> Vec<SwitchTurnRow> {
    newest.into_iter().flat_map(|newest| newest.turns).map(row_of).collect()
}

fn row_of(turn: Turn) -> SwitchTurnRow {
    let Turn { switch, version, setting, caller, turned_at } = turn;
    SwitchTurnRow { switch, version, setting, caller, turned_at }
}

fn turn_of(row: SwitchTurnRow) -> Turn {
    let SwitchTurnRow { switch, version, setting, caller, turned_at } = row;
    Turn { switch, version, setting, caller, turned_at }
}

//! The turns of switches in a SQLite file.

use rusqlite::{Connection, TransactionBehavior};

use super::SqliteStore;
use crate::{StoreError, SwitchChange, SwitchTurnRow};

impl SqliteStore {
    pub(crate) async fn switch_turns(&self) -> Result<Vec<SwitchTurnRow>, StoreError> {
        self.read_with("read the switches of", |connection| select(connection)).await
    }

    pub(crate) async fn change_switch(&self, made: SwitchChange) -> Result<bool, StoreError> {
        let job = move |connection: &mut Connection| change(connection, &made);
        self.write_beside("write the switches of", job).await
    }
}

fn select(connection: &Connection) -> rusqlite::Result<Vec<SwitchTurnRow>> {
    let mut select = connection.prepare("select * from switch_turn")?;
    let turns = select.query_map((), |row| {
        Ok(SwitchTurnRow {
            switch: row.get("switch")?,
            version: row.get("version")?,
            setting: row.get("setting")?,
            caller: row.get("caller")?,
            turned_at: row.get("turned_at")?,
        })
    })?;
    turns.collect()
}

fn change(connection: &mut Connection, change: &SwitchChange) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let counts = match change {
        SwitchChange::Turn(SwitchTurnRow { switch, version, setting, caller, turned_at }) => {
            let insert = include_str!("insert_switch_turn.sql");
            transaction.execute(insert, (switch, version, setting, caller, turned_at))? > 0
        }
        SwitchChange::Recorded { switch, version } => {
            let update = "update switch_turn set caller = null where switch = ?1 and version = ?2";
            transaction.execute(update, (switch, version))?;
            transaction.execute(include_str!("delete_switch_turns.sql"), [switch])?;
            true
        }
    };
    transaction.commit()?;
    Ok(counts)
}

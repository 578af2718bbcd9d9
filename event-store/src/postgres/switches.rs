//! The turns of switches in PostgreSQL.

use tokio_postgres::{Client, Error};

use super::PostgresStore;
use crate::{StoreError, SwitchChange, SwitchTurnRow};

impl PostgresStore {
    pub(crate) async fn switch_turns(&self) -> Result<Vec<SwitchTurnRow>, StoreError> {
        self.read_with("read the switches of", select).await
    }

    pub(crate) async fn change_switch(&self, made: &SwitchChange) -> Result<bool, StoreError> {
        let change = async |client: &mut Client| change(client, made).await;
        self.write_with("write the switches of", change).await
    }
}

async fn select(client: &Client) -> Result<Vec<SwitchTurnRow>, Error> {
    let rows = client.query("select * from guerdon_log.switch_turn", &[]).await?;
    let turn = |row: &tokio_postgres::Row| {
        Ok(SwitchTurnRow {
            switch: row.try_get("switch")?,
            version: row.try_get("version")?,
            setting: row.try_get("setting")?,
            caller: row.try_get("caller")?,
            turned_at: row.try_get("turned_at")?,
        })
    };
    rows.iter().map(turn).collect()
}

async fn change(client: &mut Client, change: &SwitchChange) -> Result<bool, Error> {
    let transaction = client.transaction().await?;
    let counts = match change {
        SwitchChange::Turn(SwitchTurnRow { switch, version, setting, caller, turned_at }) => {
            let insert = include_str!("insert_switch_turn.sql");
            transaction.execute(insert, &[switch, version, setting, caller, turned_at]).await? > 0
        }
        SwitchChange::Recorded { switch, version } => {
            let update = "update guerdon_log.switch_turn set caller = null \
                          where switch = $1 and version = $2";
            transaction.execute(update, &[switch, version]).await?;
            transaction.execute(include_str!("delete_switch_turns.sql"), &[switch]).await?;
            true
        }
    };
    transaction.commit().await?;
    Ok(counts)
}

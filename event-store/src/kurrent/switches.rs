//! The turns of switches beside a log in KurrentDB: a stream whose last entry has all of them.

use eventstore::EventData;
use log_record::LogId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::catalogue::fact;
use super::connection::{Answer, Connection};
use super::rounds::Rounds;
use super::{KurrentStore, unfit};
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caller: Option<String>,
    turned_at: i64,
}

impl KurrentStore {
    pub(crate) async fn switch_turns(&self) -> Result<Vec<SwitchTurnRow>, StoreError> {
        let stream = stream_of(self.shared.log_id);
        Ok(last_turns(&self.shared.connection, &stream).await?.1)
    }

    /// Changes the newest list and appends it; where somebody else was faster, again.
    pub(crate) async fn change_switch(&self, change: &SwitchChange) -> Result<bool, StoreError> {
        let (connection, stream) = (&self.shared.connection, stream_of(self.shared.log_id));
        let mut rounds = Rounds::new(&stream);
        loop {
            let (after, before) = last_turns(connection, &stream).await?;
            let mut turns = before.clone();
            if !change.apply(&mut turns) {
                return Ok(false);
            }
            if turns == before {
                return Ok(true);
            }
            let changed = SwitchesChanged { turns: turns.into_iter().map(turn_of).collect() };
            let event = EventData::json("switches-changed", &changed).map_err(unfit)?;
            let event = event.id(Uuid::now_v7());
            if let Answer::Landed(_) = connection.append(&stream, after, vec![event]).await? {
                return Ok(true);
            }
            rounds.next().await?;
        }
    }
}

async fn last_turns(
    connection: &Connection,
    stream: &str,
) -> Result<(Option<u64>, Vec<SwitchTurnRow>), StoreError> {
    let Some(entry) = connection.last(stream).await? else { return Ok((None, vec![])) };
    let SwitchesChanged { turns } = fact(stream, &entry)?;
    Ok((Some(entry.revision), turns.into_iter().map(row_of).collect()))
}

fn row_of(turn: Turn) -> SwitchTurnRow {
    let Turn { switch, version, setting, caller, turned_at } = turn;
    SwitchTurnRow { switch, version, setting, caller, turned_at }
}

fn turn_of(row: SwitchTurnRow) -> Turn {
    let SwitchTurnRow { switch, version, setting, caller, turned_at } = row;
    Turn { switch, version, setting, caller, turned_at }
}

fn stream_of(log_id: LogId) -> String {
    format!("guerdon_switches-{log_id}")
}

//! The marks beside a log in KurrentDB: a stream whose last entry has all of them.

use eventstore::EventData;
use log_record::LogId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::catalogue::fact;
use super::connection::{Answer, Connection};
use super::rounds::Rounds;
use super::unfit;
use crate::{MarkChange, MarkRow, StoreError};

/// All marks after a change.
#[derive(Serialize, Deserialize)]
struct MarksChanged {
    marks: Vec<Mark>,
}

#[derive(Serialize, Deserialize)]
struct Mark {
    kind: String,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    marked_at: i64,
    ends_at: i64,
}

pub(super) async fn marks(
    connection: &Connection,
    log_id: LogId,
) -> Result<Vec<MarkRow>, StoreError> {
    Ok(last_marks(connection, &stream_of(log_id)).await?.1)
}

/// Changes the newest list and appends it; where somebody else was faster, again.
pub(super) async fn change(
    connection: &Connection,
    log_id: LogId,
    change: &MarkChange,
) -> Result<(), StoreError> {
    let stream = stream_of(log_id);
    let mut rounds = Rounds::new(&stream);
    loop {
        let (after, before) = last_marks(connection, &stream).await?;
        let mut marks = before.clone();
        change.apply(&mut marks);
        if marks == before {
            return Ok(());
        }
        let changed = MarksChanged { marks: marks.into_iter().map(mark_of).collect() };
        let event = EventData::json("marks-changed", &changed).map_err(unfit)?;
        let event = event.id(Uuid::now_v7());
        if let Answer::Landed(_) = connection.append(&stream, after, vec![event]).await? {
            return Ok(());
        }
        rounds.next().await?;
    }
}

async fn last_marks(
    connection: &Connection,
    stream: &str,
) -> Result<(Option<u64>, Vec<MarkRow>), StoreError> {
    let Some(entry) = connection.last(stream).await? else { return Ok((None, vec![])) };
    let MarksChanged { marks } = fact(stream, &entry)?;
    Ok((Some(entry.revision), marks.into_iter().map(row_of).collect()))
}

fn row_of(mark: Mark) -> MarkRow {
    let Mark { kind, id, key, marked_at, ends_at } = mark;
    MarkRow { kind, id, key, marked_at, ends_at }
}

fn mark_of(row: MarkRow) -> Mark {
    let MarkRow { kind, id, key, marked_at, ends_at } = row;
    Mark { kind, id, key, marked_at, ends_at }
}

fn stream_of(log_id: LogId) -> String {
    format!("guerdon_marks-{log_id}")
}

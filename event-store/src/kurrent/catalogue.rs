//! Which log a name means, and the API keys beside it: a stream each, whose first entry, or last,
//! is what counts.

use eventstore::{EventData, RecordedEvent};
use log_record::{LogId, Partition, hex, parse_hex};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::connection::{Answer, Connection, ReadAt};
use super::rounds::Rounds;
use super::stream_error::StreamError;
use super::{KurrentUrl, partition_stream, unfit};
use crate::{Access, ApiKeyRow, NewLog, StoreError};

#[derive(Clone, Copy, Serialize, Deserialize)]
struct LogMade {
    log_id: Uuid,
    partitions: u16,
}

#[derive(Serialize, Deserialize)]
struct KeysReplaced {
    keys: Vec<Key>,
}

#[derive(Serialize, Deserialize)]
struct Key {
    role: String,
    sha256: String,
}

/// Finds the log of a name, and makes one where there is none and `access` says so.
pub(super) async fn open(
    connection: &Connection,
    url: &KurrentUrl,
    access: Access,
) -> Result<NewLog, StoreError> {
    if let Some(made) = made(connection, url).await? {
        return Ok(made);
    }
    let missing = || StoreError::Missing { log: url.to_string() };
    let Access::Write(new_log) = access else { return Err(missing()) };
    // Two names for the same streams would be two writers that know nothing of each other.
    for partition in (0..new_log.partitions).map(Partition) {
        let stream = partition_stream(new_log.log_id, partition);
        if connection.last(&stream).await?.is_some() {
            return Err(StoreError::AnotherName { log: url.to_string(), found: new_log.log_id });
        }
    }
    let fact = LogMade { log_id: new_log.log_id.0, partitions: new_log.partitions };
    let event = EventData::json("log-made", &fact).map_err(unfit)?.id(Uuid::now_v7());
    // Whoever comes first has made it. An answer that was lost is found out by the next start.
    connection.append(&name_stream(url), None, vec![event]).await?;
    made(connection, url).await?.ok_or_else(missing)
}

async fn made(connection: &Connection, url: &KurrentUrl) -> Result<Option<NewLog>, StoreError> {
    let stream = name_stream(url);
    let Some(entries) = connection.read(&stream, ReadAt::Revision(0), 1).await? else {
        return Ok(None);
    };
    let Some(entry) = entries.first() else {
        return Err(StreamError::Hidden { stream, metadata: None }.into());
    };
    let LogMade { log_id, partitions } = fact(&stream, entry)?;
    Ok(Some(NewLog { log_id: LogId(log_id), partitions }))
}

/// What an entry says.
fn fact<Fact: DeserializeOwned>(stream: &str, entry: &RecordedEvent) -> Result<Fact, StreamError> {
    entry.as_json().map_err(|_| StreamError::Unreadable {
        stream: stream.into(),
        revision: entry.revision,
        event_type: entry.event_type.clone(),
    })
}

pub(super) async fn keys(
    connection: &Connection,
    log_id: LogId,
) -> Result<Vec<ApiKeyRow>, StoreError> {
    let stream = keys_stream(log_id);
    let Some(entry) = connection.last(&stream).await? else { return Ok(vec![]) };
    let replaced: KeysReplaced = fact(&stream, &entry)?;
    let row = |key: Key| ApiKeyRow {
        role: key.role,
        // Of no key's text.
        hash: parse_hex(&key.sha256).unwrap_or_default(),
    };
    Ok(replaced.keys.into_iter().map(row).collect())
}

/// The last who replaces them has replaced them.
pub(super) async fn replace_keys(
    connection: &Connection,
    log_id: LogId,
    keys: Vec<ApiKeyRow>,
) -> Result<(), StoreError> {
    let key = |row: ApiKeyRow| Key { role: row.role, sha256: hex(&row.hash) };
    let replaced = KeysReplaced { keys: keys.into_iter().map(key).collect() };
    let stream = keys_stream(log_id);
    let mut rounds = Rounds::new(&stream);
    loop {
        let event = EventData::json("api-keys-replaced", &replaced).map_err(unfit)?;
        let event = event.id(Uuid::now_v7());
        let after = connection.last(&stream).await?.map(|last| last.revision);
        if let Answer::Landed(_) = connection.append(&stream, after, vec![event]).await? {
            return Ok(());
        }
        rounds.next().await?;
    }
}

/// Of another category than the partitions' streams, so that `$ce-guerdon` is of events.
fn name_stream(url: &KurrentUrl) -> String {
    format!("guerdon_log-{}", url.log())
}

fn keys_stream(log_id: LogId) -> String {
    format!("guerdon_keys-{log_id}")
}

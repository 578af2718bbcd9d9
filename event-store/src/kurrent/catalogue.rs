//! Which log a name means, and the API keys beside it: a stream each, whose first entry, or last,
//! is what counts.

use eventstore::{EventData, RecordedEvent};
use log_record::{LogFormat, LogId, Partition, hex, parse_hex};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::connection::{Answer, Connection, ReadAt};
use super::rounds::Rounds;
use super::stream_error::StreamError;
use super::{KurrentUrl, partition_stream, unfit};
use crate::{Access, ApiKeyChange, ApiKeyRow, NewLog, StoreError};

/// How often a key's last use is written: every entry holds all keys, and the stream only grows.
const USE_KEPT_EVERY_MICROS: i64 = 3_600 * 1_000_000;

#[derive(Clone, Copy, Serialize, Deserialize)]
struct LogMade {
    log_id: Uuid,
    partitions: u16,
    /// The format of all that is stored; logs were made before it had a number.
    format: Option<u32>,
}

/// All keys after a change.
#[derive(Serialize, Deserialize)]
struct KeysChanged {
    keys: Vec<Key>,
}

#[derive(Serialize, Deserialize)]
struct Key {
    id: String,
    role: String,
    sha256: String,
    label: String,
    scopes: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    created_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_used_at: Option<i64>,
}

/// Finds the log of a name, and makes one where there is none and `access` says so.
pub(super) async fn open(
    connection: &Connection,
    url: &KurrentUrl,
    access: Access,
) -> Result<NewLog, StoreError> {
    if let Some(made) = made(connection, url).await? {
        return one_only(url, made);
    }
    let missing = || StoreError::Missing { log: url.to_string() };
    let Access::Write(new_log) = access else { return Err(missing()) };
    let new_log = one_only(url, new_log)?;
    // Two names for the same streams would be two writers that know nothing of each other.
    for partition in (0..new_log.partitions).map(Partition) {
        let stream = partition_stream(new_log.log_id, partition);
        if connection.last(&stream).await?.is_some() {
            return Err(StoreError::AnotherName { log: url.to_string(), found: new_log.log_id });
        }
    }
    let fact = LogMade {
        log_id: new_log.log_id.0,
        partitions: new_log.partitions,
        format: Some(LogFormat::CURRENT.0),
    };
    let event = EventData::json("log-made", &fact).map_err(unfit)?.id(Uuid::now_v7());
    // Whoever comes first has made it. An answer that was lost is found out by the next start.
    connection.append(&name_stream(url), None, vec![event]).await?;
    made(connection, url).await?.ok_or_else(missing)
}

/// An append goes to one stream, so it can't carry the rows of an index of messages.
fn one_only(url: &KurrentUrl, log: NewLog) -> Result<NewLog, StoreError> {
    match log.partitions {
        0 | 1 => Ok(log),
        partitions => Err(StoreError::OnePartitionOnly { log: url.to_string(), partitions }),
    }
}

async fn made(connection: &Connection, url: &KurrentUrl) -> Result<Option<NewLog>, StoreError> {
    let stream = name_stream(url);
    let Some(entries) = connection.read(&stream, ReadAt::Revision(0), 1).await? else {
        return Ok(None);
    };
    let Some(entry) = entries.first() else {
        return Err(StreamError::Hidden { stream, metadata: None }.into());
    };
    let LogMade { log_id, partitions, format } = fact(&stream, entry)?;
    let format = format.map_or(LogFormat::UNNUMBERED, LogFormat);
    format.check(format_args!("the log {url}"))?;
    Ok(Some(NewLog { log_id: LogId(log_id), partitions }))
}

/// What an entry says.
pub(super) fn fact<Fact: DeserializeOwned>(
    stream: &str,
    entry: &RecordedEvent,
) -> Result<Fact, StreamError> {
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
    Ok(last_keys(connection, &keys_stream(log_id)).await?.1)
}

/// The revision of the last change, and all keys after it.
async fn last_keys(
    connection: &Connection,
    stream: &str,
) -> Result<(Option<u64>, Vec<ApiKeyRow>), StoreError> {
    let Some(entry) = connection.last(stream).await? else { return Ok((None, vec![])) };
    let KeysChanged { keys } = fact(stream, &entry)?;
    Ok((Some(entry.revision), keys.into_iter().map(row_of).collect()))
}

/// Changes the newest list and appends it; where somebody else was faster, again.
pub(super) async fn change_keys(
    connection: &Connection,
    log_id: LogId,
    changes: &[ApiKeyChange],
) -> Result<(), StoreError> {
    let stream = keys_stream(log_id);
    let mut rounds = Rounds::new(&stream);
    loop {
        let (after, mut keys) = last_keys(connection, &stream).await?;
        let before = keys.clone();
        for change in changes.iter().filter(|change| !is_soon(change, &before)) {
            change.apply(&mut keys)?;
        }
        if keys == before && after.is_some() {
            return Ok(());
        }
        let changed = KeysChanged { keys: keys.into_iter().map(key_of).collect() };
        let event = EventData::json("api-keys-changed", &changed).map_err(unfit)?;
        let event = event.id(Uuid::now_v7());
        if let Answer::Landed(_) = connection.append(&stream, after, vec![event]).await? {
            return Ok(());
        }
        rounds.next().await?;
    }
}

/// Whether a use comes so soon after the one that is known that it isn't worth an entry.
fn is_soon(change: &ApiKeyChange, keys: &[ApiKeyRow]) -> bool {
    let ApiKeyChange::Use { id, at } = change else { return false };
    let key = keys.iter().find(|key| key.id == *id);
    let known = key.and_then(|key| key.last_used_at);
    known.is_some_and(|known| at.saturating_sub(known) < USE_KEPT_EVERY_MICROS)
}

fn row_of(key: Key) -> ApiKeyRow {
    ApiKeyRow {
        id: key.id,
        role: key.role,
        // Of no key's text.
        hash: parse_hex(&key.sha256).unwrap_or_default(),
        label: key.label,
        scopes: key.scopes,
        account_id: key.account_id,
        name: key.name,
        created_at: key.created_at,
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
        last_used_at: key.last_used_at,
    }
}

fn key_of(row: ApiKeyRow) -> Key {
    Key {
        id: row.id,
        role: row.role,
        sha256: hex(&row.hash),
        label: row.label,
        scopes: row.scopes,
        account_id: row.account_id,
        name: row.name,
        created_at: row.created_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        last_used_at: row.last_used_at,
    }
}

/// Of another category than the partitions' streams, so that `$ce-guerdon` is of events.
fn name_stream(url: &KurrentUrl) -> String {
    format!("guerdon_log-{}", url.log())
}

fn keys_stream(log_id: LogId) -> String {
    format!("guerdon_keys-{log_id}")
}

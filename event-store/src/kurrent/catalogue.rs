//! Which log a name means: a stream whose first entry is what counts.

use eventstore::{EventData, RecordedEvent};
use log_record::{LogFormat, LogId, Partition};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::connection::{Connection, ReadAt};
use super::stream_error::StreamError;
use super::{KurrentUrl, partition_stream, unfit};
use crate::{Access, NewLog, StoreError};

#[derive(Clone, Copy, Serialize, Deserialize)]
struct LogMade {
    log_id: Uuid,
    partitions: u16,
    /// The format of all that is stored; logs were made before it had a number.
    format: Option<u32>,
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

/// Of another category than the partitions' streams, so that `$ce-guerdon` is of events.
fn name_stream(url: &KurrentUrl) -> String {
    format!("guerdon_log-{}", url.log())
}

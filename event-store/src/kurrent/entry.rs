//! What stands in a partition's stream: the ledger's events, and who may append them.
//!
//! An event's data is its public text, byte for byte, so that KurrentDB's own browser and
//! projections read it; all else is in its metadata. An `epoch-raised` is no event of the ledger's
//! and has no position: it makes a writer the one, and shuts out what an earlier one sent, for an
//! append names the revision that it follows. Every entry tells the whole head as it is after it.

use std::borrow::Cow;

use bytes::Bytes;
use eventstore::EventData;
use log_record::{
    BatchId, Checksum, Epoch, Generation, Head, Partition, Place, Position, Private, RecordedEvent,
    WriterId, hex, parse_hex,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::{Builder, Uuid};

use super::stream_error::StreamError;
use crate::Append;

const EPOCH_RAISED: &str = "epoch-raised";

/// One entry of the stream.
pub(super) enum Entry {
    Event { event: RecordedEvent, head: Head },
    EpochRaised(Head),
}

#[derive(Serialize, Deserialize)]
struct Metadata<'a> {
    position: u64,
    generation: u32,
    version: u16,
    recorded_at: i64,
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    account_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    private: Option<Cow<'a, str>>,
    /// Of a private text that was erased.
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    private_sha256: Option<Cow<'a, str>>,
    #[serde(borrow)]
    checksum: Cow<'a, str>,
    epoch: u64,
    writer: Option<Uuid>,
    batch: Uuid,
}

#[derive(Serialize, Deserialize)]
struct Raised {
    epoch: u64,
    writer: Option<Uuid>,
    position: u64,
    generation: u32,
    last_batch: Option<Uuid>,
}

impl Entry {
    pub(super) const fn head(&self) -> Head {
        match self {
            Self::Event { head, .. } | Self::EpochRaised(head) => *head,
        }
    }

    /// An error says why it isn't one that a ledger can have left there.
    pub(super) fn read(
        partition: Partition,
        entry: &eventstore::RecordedEvent,
    ) -> Result<Self, StreamError> {
        let (stream, revision) = (entry.stream_id().to_owned(), entry.revision);
        let read = Self::parse(partition, entry).ok_or_else(|| {
            let event_type = entry.event_type.clone();
            if is_ours(entry) {
                StreamError::Unreadable { stream: stream.clone(), revision, event_type }
            } else {
                StreamError::Foreign { stream: stream.clone(), revision, event_type }
            }
        })?;
        // An event adds one position, and a raised epoch one epoch; nothing else is in the stream.
        let Head { position, epoch, .. } = read.head();
        let expected = position.0.saturating_add(epoch.0).saturating_sub(1);
        if revision == expected {
            Ok(read)
        } else {
            Err(StreamError::Misplaced { stream, revision, expected })
        }
    }

    fn parse(partition: Partition, entry: &eventstore::RecordedEvent) -> Option<Self> {
        if entry.event_type == EPOCH_RAISED {
            let raised: Raised = serde_json::from_slice(&entry.data).ok()?;
            return Some(Self::EpochRaised(Head {
                position: Position(raised.position),
                epoch: Epoch(raised.epoch),
                generation: Generation(raised.generation),
                writer: raised.writer.map(WriterId),
                last_batch: raised.last_batch.map(BatchId),
            }));
        }
        let metadata: Metadata<'_> = serde_json::from_slice(&entry.custom_metadata).ok()?;
        let private = match metadata.private {
            Some(text) => Private::Text(text.into()),
            None => Private::Erased(parse_hex(&metadata.private_sha256?)?),
        };
        let event = RecordedEvent {
            place: Place { partition, position: Position(metadata.position) },
            generation: Generation(metadata.generation),
            event_type: entry.event_type.as_str().into(),
            version: metadata.version,
            recorded_at: metadata.recorded_at,
            account_id: metadata.account_id.map(Into::into),
            public: str::from_utf8(&entry.data).ok()?.into(),
            private,
            checksum: Checksum(parse_hex(&metadata.checksum)?),
        };
        let head = Head {
            position: Position(metadata.position),
            epoch: Epoch(metadata.epoch),
            generation: Generation(metadata.generation),
            writer: metadata.writer.map(WriterId),
            last_batch: Some(BatchId(metadata.batch)),
        };
        Some(Self::Event { event, head })
    }
}

/// Whether a ledger wrote it, perhaps one of another build's.
fn is_ours(entry: &eventstore::RecordedEvent) -> bool {
    let has_checksum = || {
        let metadata: Option<Value> = serde_json::from_slice(&entry.custom_metadata).ok();
        metadata.is_some_and(|metadata| metadata.get("checksum").is_some())
    };
    entry.event_type == EPOCH_RAISED || has_checksum()
}

/// The entry that makes `head` the head.
pub(super) fn epoch_raised(head: &Head) -> Result<EventData, serde_json::Error> {
    let raised = Raised {
        epoch: head.epoch.0,
        writer: head.writer.map(|writer| writer.0),
        position: head.position.0,
        generation: head.generation.0,
        last_batch: head.last_batch.map(|batch| batch.0),
    };
    // An id of its own: two that say the same are still two.
    Ok(EventData::json(EPOCH_RAISED, &raised)?.id(Uuid::now_v7()))
}

/// The entries of an append by `writer`.
pub(super) fn entries(
    append: &Append<RecordedEvent>,
    writer: Option<WriterId>,
) -> Result<Vec<EventData>, serde_json::Error> {
    append.events.iter().map(|event| entry(event, append, writer)).collect()
}

fn entry(
    event: &RecordedEvent,
    append: &Append<RecordedEvent>,
    writer: Option<WriterId>,
) -> Result<EventData, serde_json::Error> {
    let (private, private_sha256) = match &event.private {
        Private::Text(text) => (Some(Cow::from(&**text)), None),
        Private::Erased(hash) => (None, Some(hex(hash).into())),
    };
    let metadata = Metadata {
        position: event.place.position.0,
        generation: event.generation.0,
        version: event.version,
        recorded_at: event.recorded_at,
        account_id: event.account_id.as_deref().map(Cow::from),
        private,
        private_sha256,
        checksum: hex(&event.checksum.0).into(),
        epoch: append.epoch.0,
        writer: writer.map(|writer| writer.0),
        batch: append.batch.0,
    };
    let metadata = Bytes::from(serde_json::to_vec(&metadata)?);
    let id = Builder::from_custom_bytes(first_half(event.checksum)).into_uuid();
    Ok(data(event)?.id(id).metadata(metadata))
}

/// Marked as JSON where it is that, byte for byte, as it always is by this ledger.
fn data(event: &RecordedEvent) -> Result<EventData, serde_json::Error> {
    match serde_json::from_str::<&RawValue>(&event.public) {
        Ok(public) if public.get() == &*event.public => EventData::json(&event.event_type, &public),
        _ => {
            let bytes = Bytes::copy_from_slice(event.public.as_bytes());
            Ok(EventData::binary(&event.event_type, bytes))
        }
    }
}

/// An event's id is of its checksum, so that whoever holds the log elsewhere can tell it.
fn first_half(checksum: Checksum) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&checksum.0[..16]);
    half
}

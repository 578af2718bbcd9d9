//! An event as a line of an archive's file.

use std::borrow::Cow;

use log_record::{
    Checksum, Generation, Partition, Place, Position, Private, RecordedEvent, hex, parse_hex,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The row, field by field. The two texts stand in it as they are, byte for byte.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    partition: u16,
    position: u64,
    generation: u32,
    #[serde(rename = "type", borrow)]
    event_type: Cow<'a, str>,
    version: u16,
    recorded_at: i64,
    #[serde(borrow)]
    account_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    public: &'a RawValue,
    #[serde(borrow)]
    private: Option<&'a RawValue>,
    private_hash: String,
    checksum: String,
}

/// The line of an event, without its end.
pub(super) fn to_line(row: &RecordedEvent) -> Result<String, serde_json::Error> {
    let private = match &row.private {
        Private::Text(text) => Some(serde_json::from_str(text)?),
        Private::Erased(_) => None,
    };
    serde_json::to_string(&Line {
        partition: row.place.partition.0,
        position: row.place.position.0,
        generation: row.generation.0,
        event_type: Cow::Borrowed(&row.event_type),
        version: row.version,
        recorded_at: row.recorded_at,
        account_id: row.account_id.as_deref().map(Cow::Borrowed),
        public: serde_json::from_str(&row.public)?,
        private,
        private_hash: hex(&row.private_hash()),
        checksum: hex(&row.checksum.0),
    })
}

/// The event of a line. What doesn't fit fails the checksum.
pub(super) fn from_line(line: &str) -> Result<RecordedEvent, serde_json::Error> {
    let line: Line<'_> = serde_json::from_str(line)?;
    let private = match line.private {
        Some(text) => Private::Text(text.get().into()),
        None => Private::Erased(parse_hex(&line.private_hash).unwrap_or_default()),
    };
    Ok(RecordedEvent {
        place: Place { partition: Partition(line.partition), position: Position(line.position) },
        generation: Generation(line.generation),
        event_type: line.event_type.into(),
        version: line.version,
        recorded_at: line.recorded_at,
        account_id: line.account_id.map(Into::into),
        public: line.public.get().into(),
        private,
        checksum: Checksum(parse_hex(&line.checksum).unwrap_or_default()),
    })
}

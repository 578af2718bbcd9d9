//! An event as a line of JSON, as an archive's file and an export have it.
//!
//! It knows a row of the log and no meaning: [`to_line`] and [`from_line`] are all there is.
//! `docs/EXPORT.md` has a line to the byte.

use std::borrow::Cow;

use log_record::{
    Checksum, Generation, Partition, Place, Position, Private, RecordedEvent, hex, parse_hex,
};
use serde::ser::Error as _;
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

/// The event as a line of JSON, without the line's end. A private text that was erased is `null`;
/// its SHA-256 stands beside it.
pub fn to_line(event: &RecordedEvent) -> Result<String, serde_json::Error> {
    let private = match &event.private {
        Private::Text(text) => Some(raw(event.place, text)?),
        Private::Erased(_) => None,
    };
    serde_json::to_string(&Line {
        partition: event.place.partition.0,
        position: event.place.position.0,
        generation: event.generation.0,
        event_type: Cow::Borrowed(&event.event_type),
        version: event.version,
        recorded_at: event.recorded_at,
        account_id: event.account_id.as_deref().map(Cow::Borrowed),
        public: raw(event.place, &event.public)?,
        private,
        private_hash: hex(&event.private_hash()),
        checksum: hex(&event.checksum.0),
    })
}

/// The event of a line. What doesn't fit fails the checksum.
pub fn from_line(line: &str) -> Result<RecordedEvent, serde_json::Error> {
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

/// A text of an event as it stands. One that couldn't be read back byte for byte is refused; no
/// build of this ledger writes such a text.
fn raw(place: Place, text: &str) -> Result<&RawValue, serde_json::Error> {
    let raw: &RawValue = serde_json::from_str(text)?;
    let wrong = if text.contains('\n') {
        "has an end of line in it"
    } else if raw.get().len() != text.len() {
        "has spaces around it"
    } else {
        return Ok(raw);
    };
    Err(serde_json::Error::custom(format!("the text of the event at {place} {wrong}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use log_record::{LogId, NewEvent};
    use uuid::Uuid;

    const LOG: LogId = LogId(Uuid::from_u128(7));

    fn event(public: &str, private: &str) -> RecordedEvent {
        let place = Place { partition: Partition(0), position: Position(3) };
        let event = NewEvent {
            event_type: "credit-earned",
            version: 1,
            recorded_at: 1_795_248_000_000_000,
            account_id: Some("Zoë \"Z\"".into()),
            public: public.into(),
            private: private.into(),
        };
        RecordedEvent::seal(LOG, Generation(2), place, event)
    }

    #[test]
    fn a_line_is_read_back_byte_for_byte() {
        let whole = event(r#"{"points":1.50,  "note":"東京\u00e9"}"#, r#"{"salt":"00"}"#);
        let mut erased = whole.clone();
        erased.private = Private::Erased(whole.private_hash());
        for event in [whole, erased] {
            let line = to_line(&event).expect("a line");
            let read = from_line(&line).expect("an event");
            assert_eq!(read, event);
            assert!(read.is_intact(LOG));
            assert_eq!(to_line(&read).expect("a line"), line);
        }
    }

    #[test]
    fn a_text_that_would_come_back_otherwise_is_refused() {
        let said = |public, private| {
            to_line(&event(public, private)).map_err(|error| error.to_string()).unwrap_err()
        };
        assert_eq!(said("{\n}", "{}"), "the text of the event at 0:3 has an end of line in it");
        assert_eq!(said("{}", " {}"), "the text of the event at 0:3 has spaces around it");
        assert!(said("{", "{}").contains("EOF"));
    }
}

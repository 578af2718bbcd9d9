//! The fixed record: the bytes of an event that are hashed, and how they are read back.
//!
//! It holds the hashes of the two texts and not the texts. Its SHA-256 is the event's checksum, and
//! it is the event's entry in the transparency log.

use uuid::Uuid;

use crate::{Generation, LogId, Partition, Place, Position};

/// What stands for the length of an account id that is absent.
const ABSENT: u16 = u16::MAX;

/// A fixed record, read. To read one needs nothing that writes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedRecord<'a> {
    /// The log.
    pub log_id: LogId,
    /// The generation that the event was appended in.
    pub generation: Generation,
    /// Where the event stands.
    pub place: Place,
    /// The version of its type's shape.
    pub version: u16,
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub recorded_at: i64,
    /// Its type: `credit-earned`.
    pub event_type: &'a str,
    /// The account that it belongs to.
    pub account_id: Option<&'a str>,
    /// SHA-256 of its public text.
    pub public_sha256: [u8; 32],
    /// SHA-256 of its private text, also after that was erased.
    pub private_sha256: [u8; 32],
}

/// Bytes that are no fixed record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no fixed record: {0}")]
pub struct NoFixedRecord(&'static str);

impl<'a> FixedRecord<'a> {
    /// Reads a record; `docs/EVENTS.md` has its bytes.
    pub fn parse(record: &'a [u8]) -> Result<Self, NoFixedRecord> {
        let mut rest = record;
        let log_id = LogId(Uuid::from_bytes(*take(&mut rest)?));
        let generation = Generation(u32::from_be_bytes(*take(&mut rest)?));
        let partition = Partition(u16::from_be_bytes(*take(&mut rest)?));
        let position = Position(u64::from_be_bytes(*take(&mut rest)?));
        let version = u16::from_be_bytes(*take(&mut rest)?);
        let recorded_at = i64::from_be_bytes(*take(&mut rest)?);
        let event_type = take_text(&mut rest)?.ok_or(NoFixedRecord("it has no type"))?;
        let account_id = take_text(&mut rest)?;
        let (public_sha256, private_sha256) = (*take(&mut rest)?, *take(&mut rest)?);
        if !rest.is_empty() {
            return Err(NoFixedRecord("it goes on after its end"));
        }
        let place = Place { partition, position };
        Ok(Self {
            log_id,
            generation,
            place,
            version,
            recorded_at,
            event_type,
            account_id,
            public_sha256,
            private_sha256,
        })
    }
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], NoFixedRecord> {
    let (taken, after) = rest.split_first_chunk().ok_or(NoFixedRecord("it ends too early"))?;
    *rest = after;
    Ok(taken)
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a str>, NoFixedRecord> {
    let length = u16::from_be_bytes(*take(rest)?);
    if length == ABSENT {
        return Ok(None);
    }
    let (text, after) =
        rest.split_at_checked(length.into()).ok_or(NoFixedRecord("a text in it ends too early"))?;
    *rest = after;
    let text = std::str::from_utf8(text).map_err(|_| NoFixedRecord("a text in it is no UTF-8"))?;
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewEvent, RecordedEvent};

    fn row(account_id: Option<&str>) -> (LogId, RecordedEvent) {
        let log_id = LogId(Uuid::from_u128(7));
        let place = Place { partition: Partition(3), position: Position(4711) };
        let event = NewEvent {
            event_type: "credit-earned",
            version: 2,
            recorded_at: -1,
            account_id: account_id.map(Into::into),
            public: "{}".into(),
            private: r#"{"salt":"00"}"#.into(),
        };
        (log_id, RecordedEvent::seal(log_id, Generation(5), place, event))
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for account_id in [None, Some("ann"), Some("")] {
            let (log_id, row) = row(account_id);
            let bytes = row.fixed_record(log_id);
            let record = FixedRecord::parse(&bytes).expect("a record");
            assert_eq!(record.log_id, log_id);
            assert_eq!((record.generation, record.place), (row.generation, row.place));
            assert_eq!((record.version, record.recorded_at), (2, -1));
            assert_eq!((record.event_type, record.account_id), ("credit-earned", account_id));
            assert_eq!(record.private_sha256, row.private_hash());
        }
    }

    #[test]
    fn what_is_cut_or_goes_on_is_no_record() {
        let (log_id, row) = row(Some("ann"));
        let mut bytes = row.fixed_record(log_id);
        for length in 0..bytes.len() {
            assert!(FixedRecord::parse(&bytes[..length]).is_err(), "{length}");
        }
        bytes.push(0);
        assert!(FixedRecord::parse(&bytes).is_err());
    }
}

//! An event as it stands in the log, and the checksum over it.
//!
//! The checksum is SHA-256 over the *fixed record*, which holds the hashes of the two texts and not
//! the texts: erasing a private text leaves every checksum valid.

use sha2::{Digest, Sha256};

use crate::{EventRef, Generation, LogId, Partition, Place, Position, PrivateRef};

/// SHA-256 over the fixed record; a checkpoint keeps it to recognise the history that it was made
/// of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Checksum(pub [u8; 32]);

/// The private text of an event. Every event has one, at least with a random salt, so that nobody
/// can guess the record from its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Private {
    /// The text, with a random salt in it.
    Text(Box<str>),
    /// The SHA-256 of a text that was erased.
    Erased([u8; 32]),
}

/// An event on its way into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Kebab-case, past tense: `credit-earned`.
    pub event_type: &'static str,
    /// The version of the type's shape, from 1.
    pub version: u16,
    /// Microseconds since 1970-01-01T00:00:00Z, stamped by the writer, never decreasing.
    pub recorded_at: i64,
    /// The account that the event belongs to; an offer's events belong to none.
    pub account_id: Option<Box<str>>,
    /// JSON, kept byte for byte.
    pub public: Box<str>,
    /// JSON with a random salt, kept byte for byte until it is erased.
    pub private: Box<str>,
}

/// An event as it was read from the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Where it stands.
    pub place: Place,
    /// The generation that it was appended in.
    pub generation: Generation,
    /// Kebab-case, past tense: `credit-earned`.
    pub event_type: Box<str>,
    /// The version of the type's shape, from 1.
    pub version: u16,
    /// Microseconds since 1970-01-01T00:00:00Z, never decreasing within a partition.
    pub recorded_at: i64,
    /// The account that the event belongs to.
    pub account_id: Option<Box<str>>,
    /// JSON, byte for byte as it was appended.
    pub public: Box<str>,
    /// What may have been erased since.
    pub private: Private,
    /// SHA-256 over the fixed record, as stored.
    pub checksum: Checksum,
}

impl RecordedEvent {
    /// The type of the one event that begins another generation: an operator declared a fork.
    pub const FORK: &str = "log-forked";

    /// The type of the one event by which private texts are erased. Its own never is.
    pub const ERASURE: &str = "account-erased";

    /// The type of the one event that is meant for another partition. Its public text says for
    /// which, `to`, and with which `number`.
    pub const MESSAGE: &str = "message-sent";

    /// The row that `event` becomes at `place` of log `log_id`.
    #[must_use]
    pub fn seal(log_id: LogId, generation: Generation, place: Place, event: NewEvent) -> Self {
        let mut row = Self {
            place,
            generation,
            event_type: event.event_type.into(),
            version: event.version,
            recorded_at: event.recorded_at,
            account_id: event.account_id,
            public: event.public,
            private: Private::Text(event.private),
            checksum: Checksum([0; 32]),
        };
        row.checksum = row.compute_checksum(log_id);
        row
    }

    /// Whether the row's bytes give the checksum that stands beside them.
    #[must_use]
    pub fn is_intact(&self, log_id: LogId) -> bool {
        self.compute_checksum(log_id) == self.checksum
    }

    /// SHA-256 over the fixed record.
    #[must_use]
    pub fn compute_checksum(&self, log_id: LogId) -> Checksum {
        Checksum(Sha256::digest(self.fixed_record(log_id)).into())
    }

    /// The fixed record, see [`EventRef::write_fixed_record`].
    #[must_use]
    pub fn fixed_record(&self, log_id: LogId) -> Vec<u8> {
        let mut record = Vec::with_capacity(256);
        EventRef::from(self).write_fixed_record(log_id, &mut record);
        record
    }

    /// SHA-256 of the private text, also after it was erased.
    #[must_use]
    pub fn private_hash(&self) -> [u8; 32] {
        PrivateRef::from(&self.private).hash()
    }

    /// How many bytes its texts have; one that was erased has none.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        let private = match &self.private {
            Private::Text(text) => text.len(),
            Private::Erased(_) => 0,
        };
        self.public.len() + private
    }

    /// The row's position in its partition.
    #[must_use]
    pub fn position(&self) -> Position {
        self.place.position
    }

    /// The row's partition.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.place.partition
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const LOG: LogId = LogId(Uuid::from_u128(7));

    fn sealed() -> RecordedEvent {
        let place = Place { partition: Partition(0), position: Position(1) };
        let event = NewEvent {
            event_type: "exchange-created",
            version: 1,
            recorded_at: 1_000_000,
            account_id: Some("ann".into()),
            public: r#"{"exchange_id":"x-1"}"#.into(),
            private: r#"{"salt":"00","deliver_to":"Elm Street 1"}"#.into(),
        };
        RecordedEvent::seal(LOG, Generation(1), place, event)
    }

    #[test]
    fn a_sealed_row_verifies() {
        assert!(sealed().is_intact(LOG));
    }

    #[test]
    fn every_stored_field_is_under_the_checksum() {
        let changes: [fn(&mut RecordedEvent); 8] = [
            |row| row.place.partition = Partition(1),
            |row| row.place.position = Position(2),
            |row| row.generation = Generation(2),
            |row| row.event_type = "exchange-cancelled".into(),
            |row| row.version = 2,
            |row| row.recorded_at += 1,
            |row| row.account_id = None,
            |row| row.public = r#"{"exchange_id":"x-2"}"#.into(),
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut row = sealed();
            change(&mut row);
            assert!(!row.is_intact(LOG), "change {index}");
        }
        let mut row = sealed();
        row.private = Private::Text("{}".into());
        assert!(!row.is_intact(LOG));
        assert!(!sealed().is_intact(LogId(Uuid::from_u128(8))));
    }

    #[test]
    fn an_erased_private_text_leaves_the_row_verifiable() {
        let mut row = sealed();
        row.private = Private::Erased(row.private_hash());
        assert!(row.is_intact(LOG));
    }

    /// The fixed record is a public promise: this checksum was worked out apart from this
    /// code, with Python's hashlib, and stays.
    #[test]
    fn the_fixed_record_never_changes() {
        assert_eq!(
            crate::hex(&sealed().checksum.0),
            "98c042dba8d49ad0ebcf445ba767f8fbb4d6ab7d8eb8c4975a8ec5a4e7e8b70e"
        );
    }
}

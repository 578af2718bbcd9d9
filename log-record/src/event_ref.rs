//! An event where it lies: in a row that a store still holds, or in a [`RecordedEvent`].

use sha2::{Digest, Sha256};

use crate::{Checksum, Generation, LogId, Place, Private, RecordedEvent};

/// An event that is only looked at, so that nothing of it is copied.
#[derive(Clone, Copy, Debug)]
pub struct EventRef<'a> {
    /// Where it stands.
    pub place: Place,
    /// The generation that it was appended in.
    pub generation: Generation,
    /// Kebab-case, past tense: `credit-earned`.
    pub event_type: &'a str,
    /// The version of the type's shape, from 1.
    pub version: u16,
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub recorded_at: i64,
    /// The account that the event belongs to.
    pub account_id: Option<&'a str>,
    /// JSON, byte for byte as it was appended.
    pub public: &'a str,
    /// The private text, or its hash alone.
    pub private: PrivateRef<'a>,
    /// SHA-256 over the fixed record, as stored.
    pub checksum: Checksum,
}

/// The private text of an event that is looked at.
#[derive(Clone, Copy, Debug)]
pub enum PrivateRef<'a> {
    /// The text.
    Text(&'a str),
    /// Its SHA-256: the text was erased, or isn't wanted.
    Hash([u8; 32]),
}

impl PrivateRef<'_> {
    /// SHA-256 of the text.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        match self {
            Self::Text(text) => Sha256::digest(text.as_bytes()).into(),
            Self::Hash(hash) => *hash,
        }
    }
}

impl<'a> From<&'a RecordedEvent> for EventRef<'a> {
    fn from(row: &'a RecordedEvent) -> Self {
        Self {
            place: row.place,
            generation: row.generation,
            event_type: &row.event_type,
            version: row.version,
            recorded_at: row.recorded_at,
            account_id: row.account_id.as_deref(),
            public: &row.public,
            private: (&row.private).into(),
            checksum: row.checksum,
        }
    }
}

impl<'a> From<&'a Private> for PrivateRef<'a> {
    fn from(private: &'a Private) -> Self {
        match private {
            Private::Text(text) => Self::Text(text),
            Private::Erased(hash) => Self::Hash(*hash),
        }
    }
}

impl EventRef<'_> {
    /// Whether the event's bytes give the checksum that stands beside them. `record` is room for
    /// the fixed record, which many events in a row share.
    #[must_use]
    pub fn is_intact(&self, log_id: LogId, record: &mut Vec<u8>) -> bool {
        record.clear();
        self.write_fixed_record(log_id, record);
        Sha256::digest(&*record)[..] == self.checksum.0
    }

    /// Writes the fixed record: log id (16 bytes), generation (4), partition (2), position (8),
    /// version (2), recorded at (8), event type and account id (each its length in 2 bytes, then
    /// its UTF-8; an absent account has length 65,535), SHA-256 of the public text, and SHA-256 of
    /// the private text. Integers are big-endian.
    pub fn write_fixed_record(&self, log_id: LogId, record: &mut Vec<u8>) {
        record.extend_from_slice(log_id.0.as_bytes());
        record.extend_from_slice(&self.generation.0.to_be_bytes());
        record.extend_from_slice(&self.place.partition.0.to_be_bytes());
        record.extend_from_slice(&self.place.position.0.to_be_bytes());
        record.extend_from_slice(&self.version.to_be_bytes());
        record.extend_from_slice(&self.recorded_at.to_be_bytes());
        push_text(record, Some(self.event_type));
        push_text(record, self.account_id);
        record.extend_from_slice(&Sha256::digest(self.public.as_bytes()));
        record.extend_from_slice(&self.private.hash());
    }
}

fn push_text(record: &mut Vec<u8>, text: Option<&str>) {
    let length = text.map_or(u16::MAX, |text| u16::try_from(text.len()).unwrap_or(u16::MAX - 1));
    record.extend_from_slice(&length.to_be_bytes());
    record.extend_from_slice(text.unwrap_or_default().as_bytes());
}

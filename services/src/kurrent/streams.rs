//! The streams themselves, and when an append to one lands: as KurrentDB decides it.

use std::collections::HashMap;

use serde_json::Value;

use super::protocol::{
    AppendResp, AppendResult, AppendSuccess, CurrentRevision, Empty, ExpectedRevision,
    ProposedMessage, SuccessPosition, SuccessRevision, Uuid, UuidValue, WrongExpectedVersion,
    WrongRevision,
};

/// Every stream by its name.
pub(super) type Streams = HashMap<Vec<u8>, Vec<ProposedMessage>>;

/// An append as it came in.
#[derive(Clone, Debug)]
pub(super) struct Append {
    pub(super) stream: Vec<u8>,
    pub(super) expected: ExpectedRevision,
    pub(super) events: Vec<ProposedMessage>,
}

impl Append {
    /// What the server counts against the most that one append may have.
    pub(super) fn bytes(&self) -> usize {
        let bytes = |event: &ProposedMessage| {
            let name = event.metadata.get("type").map_or(0, |name| 2 * name.len());
            name + event.data.len() + event.custom_metadata.len()
        };
        self.events.iter().map(bytes).sum()
    }

    /// All of it lands, or nothing.
    ///
    /// An append that comes a second time, the same ids after the same revision, is answered like
    /// the first; where only some of the ids are there, it is refused.
    pub(super) fn land(self, streams: &mut Streams) -> AppendResp {
        let length = streams.get(&self.stream).map_or(0, |events| events.len() as u64);
        if length > 0 && first_shown(streams, &self.stream).is_none() {
            return self.land_undeleting(streams, length);
        }
        let after = match self.expected {
            ExpectedRevision::Revision(revision) => Some(revision.saturating_add(1)),
            ExpectedRevision::NoStream(Empty {}) => Some(0),
            ExpectedRevision::Any(Empty {}) => None,
            ExpectedRevision::StreamExists(Empty {}) => (length == 0).then_some(u64::MAX),
        };
        let after = after.unwrap_or(length);
        if after == length {
            let count = self.events.len() as u64;
            if count > 0 {
                streams.entry(self.stream).or_default().extend(self.events);
            }
            return success(length + count);
        }
        let there = streams.get(&self.stream).into_iter().flatten();
        let there = there.skip(usize::try_from(after).unwrap_or(usize::MAX));
        let count = self.events.len();
        let is_repeat = after < length
            && count > 0
            && there.take(count).map(id_of).eq(self.events.iter().map(id_of));
        if is_repeat { success(after + count as u64) } else { refused(&self.expected, length) }
    }

    /// On a stream that was deleted softly: it goes on behind what it had, which stays hidden.
    fn land_undeleting(self, streams: &mut Streams, length: u64) -> AppendResp {
        let is_expected = match self.expected {
            ExpectedRevision::Revision(revision) => revision + 1 == length,
            ExpectedRevision::NoStream(Empty {}) | ExpectedRevision::Any(Empty {}) => true,
            ExpectedRevision::StreamExists(Empty {}) => false,
        };
        if !is_expected {
            return refused(&self.expected, length);
        }
        let count = self.events.len() as u64;
        if count > 0 {
            let from_here = written("$metadata", &format!(r#"{{"$tb":{length}}}"#));
            streams.entry(metadata_of(&self.stream)).or_default().push(from_here);
            streams.entry(self.stream).or_default().extend(self.events);
        }
        success(length + count)
    }
}

/// The stream that has a stream's metadata.
pub(super) fn metadata_of(stream: &[u8]) -> Vec<u8> {
    [b"$$", stream].concat()
}

/// From which revision on a stream is shown; nothing where it isn't there, or deleted softly.
pub(super) fn first_shown(streams: &Streams, stream: &[u8]) -> Option<usize> {
    let length = streams.get(stream)?.len();
    let metadata = streams.get(&metadata_of(stream)).and_then(|events| events.last());
    let metadata: Value =
        metadata.and_then(|event| serde_json::from_slice(&event.data).ok()).unwrap_or_default();
    let truncated_before = metadata["$tb"].as_i64().unwrap_or_default();
    if truncated_before == i64::MAX {
        return None;
    }
    let before = usize::try_from(truncated_before).unwrap_or_default();
    let beyond = metadata["$maxCount"].as_u64().and_then(|count| usize::try_from(count).ok());
    let before = before.max(beyond.map_or(0, |count| length.saturating_sub(count)));
    // Whatever age it says, everything here is older.
    Some(if metadata["$maxAge"].is_null() { before } else { length })
}

/// An entry as somebody writes it by hand.
pub(super) fn written(event_type: &str, data: &str) -> ProposedMessage {
    let mut message = ProposedMessage { data: data.into(), ..Default::default() };
    message.metadata.insert("type".into(), event_type.into());
    message.metadata.insert("content-type".into(), "application/json".into());
    message
}

fn success(length: u64) -> AppendResp {
    let current = match length.checked_sub(1) {
        Some(revision) => SuccessRevision::Revision(revision),
        None => SuccessRevision::NoStream(Empty {}),
    };
    let position = Some(SuccessPosition::NoPosition(Empty {}));
    let success = AppendSuccess { current: Some(current), position };
    AppendResp { result: Some(AppendResult::Success(success)) }
}

/// The answer to an append that expected something else, in a stream of so many events.
pub(super) fn refused(expected: &ExpectedRevision, length: u64) -> AppendResp {
    let current = match length.checked_sub(1) {
        Some(revision) => CurrentRevision::Revision(revision),
        None => CurrentRevision::NoStream(Empty {}),
    };
    let expected = match expected {
        ExpectedRevision::Revision(revision) => WrongRevision::Revision(*revision),
        ExpectedRevision::NoStream(empty) => WrongRevision::NoStream(empty.clone()),
        ExpectedRevision::Any(empty) => WrongRevision::Any(empty.clone()),
        ExpectedRevision::StreamExists(empty) => WrongRevision::StreamExists(empty.clone()),
    };
    let refused = WrongExpectedVersion { current: Some(current), expected: Some(expected) };
    AppendResp { result: Some(AppendResult::WrongExpectedVersion(refused)) }
}

/// However it is written.
fn id_of(event: &ProposedMessage) -> Option<uuid::Uuid> {
    match event.id.as_ref()?.value.as_ref()? {
        UuidValue::String(text) => text.parse().ok(),
        UuidValue::Structured(bits) => {
            let (high, low) = (bits.most_significant_bits, bits.least_significant_bits);
            Some(uuid::Uuid::from_u64_pair(high.cast_unsigned(), low.cast_unsigned()))
        }
    }
}

/// An id as a client reads it.
pub(super) fn written_id(event: &ProposedMessage) -> Uuid {
    let id = id_of(event).unwrap_or_default().to_string();
    Uuid { value: Some(UuidValue::String(id)) }
}

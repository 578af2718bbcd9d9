//! The streams themselves, and when an append to one lands: as KurrentDB decides it.

use std::collections::HashMap;

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

//! How much one append may have, where the store's server has a limit.

use log_record::{NewEvent, Private, RecordedEvent};

/// What a store keeps of an event beside its texts, at most: numbers, ids, hashes and names.
const EVENT_BYTES: usize = 640;

/// The most bytes of events that one append may have. A store without a limit has none here either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendLimit {
    bytes: usize,
}

impl AppendLimit {
    /// Of stores that take what comes.
    pub const NONE: Self = Self { bytes: usize::MAX };

    /// Of so many bytes.
    #[must_use]
    pub const fn of(bytes: usize) -> Self {
        Self { bytes }
    }

    /// Whether there is one.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.bytes == usize::MAX
    }

    /// How many of these events, from the first on, one append can have.
    pub fn fitting<'a>(self, events: impl IntoIterator<Item = &'a NewEvent>) -> usize {
        let bytes = |event: &NewEvent| {
            let private = escaped(&event.private);
            event.public.len() + private + event.account_id.as_deref().map_or(0, escaped)
        };
        self.count(events.into_iter().map(bytes))
    }

    /// How many of these rows, from the first on, one append can have.
    pub fn fitting_rows<'a>(self, rows: impl IntoIterator<Item = &'a RecordedEvent>) -> usize {
        let bytes = |row: &RecordedEvent| {
            let private = match &row.private {
                Private::Text(text) => escaped(text),
                Private::Erased(_) => 0,
            };
            row.public.len() + private + row.account_id.as_deref().map_or(0, escaped)
        };
        self.count(rows.into_iter().map(bytes))
    }

    fn count(self, bytes: impl Iterator<Item = usize>) -> usize {
        let mut room = self.bytes;
        bytes
            .take_while(|bytes| {
                let left = room.checked_sub(bytes + EVENT_BYTES);
                room = left.unwrap_or(0);
                left.is_some()
            })
            .count()
    }
}

/// The length of a text as a string of JSON.
fn escaped(text: &str) -> usize {
    let bytes = |byte| match byte {
        b'"' | b'\\' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_append_ends_before_the_event_that_is_too_much() {
        let event = |bytes: usize| NewEvent {
            event_type: "credit-earned",
            version: 1,
            recorded_at: 1,
            account_id: None,
            public: "x".repeat(bytes).into(),
            private: "".into(),
        };
        let events = [event(100), event(100), event(100)];
        assert_eq!(AppendLimit::NONE.fitting(&events), 3);
        assert_eq!(AppendLimit::of(3 * (100 + EVENT_BYTES)).fitting(&events), 3);
        assert_eq!(AppendLimit::of(3 * (100 + EVENT_BYTES) - 1).fitting(&events), 2);
        assert_eq!(AppendLimit::of(100).fitting(&events), 0);
    }

    #[test]
    fn a_text_is_as_long_as_json_writes_it() {
        let text = "a \"quoted\" \\ gruß \u{1}";
        let written = serde_json::to_string(text).expect("JSON");
        assert_eq!(escaped(text) + 2, written.len());
    }
}

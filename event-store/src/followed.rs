//! What a follower gives: events that follow each other.

use std::ops::Range;
use std::sync::Arc;

use log_record::RecordedEvent;

/// Events of one partition in the log's order, without a gap. They may be shared with others who
/// follow the same log.
#[derive(Clone, Debug, Default)]
pub struct Followed {
    parts: Vec<Part>,
    len: usize,
}

/// Some of the rows of one append, or of one read.
#[derive(Clone, Debug)]
struct Part {
    rows: Arc<Vec<RecordedEvent>>,
    taken: Range<usize>,
}

impl Followed {
    /// Adds the rows from the one at `from` on, at most as many as it lacks to `limit`.
    pub(crate) fn push(&mut self, rows: &Arc<Vec<RecordedEvent>>, from: usize, limit: usize) {
        let room = limit.saturating_sub(self.len);
        let to = rows.len().min(from.saturating_add(room));
        if from < to {
            self.len += to - from;
            self.parts.push(Part { rows: Arc::clone(rows), taken: from..to });
        }
    }

    /// Events that were read, without the first `skipped`.
    pub(crate) fn read(rows: Vec<RecordedEvent>, skipped: usize) -> Self {
        let mut events = Self::default();
        events.push(&Arc::new(rows), skipped, usize::MAX);
        events
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The events in their order.
    pub fn iter(&self) -> impl Iterator<Item = &RecordedEvent> {
        self.parts.iter().flat_map(Part::rows)
    }

    /// The first event.
    #[must_use]
    pub fn first(&self) -> Option<&RecordedEvent> {
        self.parts.first().and_then(|part| part.rows().first())
    }

    /// The last event.
    #[must_use]
    pub fn last(&self) -> Option<&RecordedEvent> {
        self.parts.last().and_then(|part| part.rows().last())
    }

    /// Leaves out all but the first `len`.
    pub fn truncate(&mut self, len: usize) {
        while self.len > len
            && let Some(part) = self.parts.last_mut()
        {
            let cut = part.taken.len().min(self.len - len);
            part.taken.end -= cut;
            self.len -= cut;
            if part.taken.is_empty() {
                self.parts.pop();
            }
        }
    }
}

impl From<Vec<RecordedEvent>> for Followed {
    fn from(rows: Vec<RecordedEvent>) -> Self {
        Self::read(rows, 0)
    }
}

impl Part {
    fn rows(&self) -> &[RecordedEvent] {
        self.rows.get(self.taken.clone()).unwrap_or_default()
    }
}

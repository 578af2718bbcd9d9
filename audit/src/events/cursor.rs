//! The last event that was looked at. It names the event's log and generation, so it shows whether
//! the log still has it: a position alone may hold another event after a restore.

use log_record::{Generation, LogId, PackedPlace, Position};
use uuid::Uuid;
use wire::{open_cursor, write_cursor};

/// More digits than these no position has; every cursor has more.
const POSITION_DIGITS_MAX: usize = 15;

/// Where to read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventCursor {
    pub(super) position: Position,
    /// Of the event there; of none where the caller gave a position.
    pub(super) event: Option<(LogId, Generation)>,
}

impl EventCursor {
    /// Before the first event.
    pub(super) const START: Self = Self { position: Position::START, event: None };

    /// A position, or what [`write`](Self::write) wrote for the same list.
    pub(super) fn read(list: &str, text: &str) -> Option<Self> {
        if text.len() <= POSITION_DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let position = Position(text.parse().ok()?);
            let fits = position <= PackedPlace::LAST_POSITION;
            return fits.then_some(Self { position, event: None });
        }
        let key = open_cursor(list, text)?;
        let mut parts = key.split(' ');
        let log_id = LogId(Uuid::try_parse(parts.next()?).ok()?);
        let generation = Generation(parts.next()?.parse().ok()?);
        let position = Position(parts.next()?.parse().ok()?);
        let fits = (Position(1)..=PackedPlace::LAST_POSITION).contains(&position);
        let is_whole = fits && parts.next().is_none();
        is_whole.then_some(Self { position, event: Some((log_id, generation)) })
    }

    /// A text that says nothing to who gets it.
    pub(super) fn write(&self, list: &str) -> String {
        match self.event {
            None => self.position.to_string(),
            Some((log_id, generation)) => {
                write_cursor(list, &format!("{log_id} {generation} {}", self.position))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "events of 0";

    fn of_event(position: u64) -> EventCursor {
        let log_id = LogId(Uuid::from_u128(7));
        EventCursor { position: Position(position), event: Some((log_id, Generation(2))) }
    }

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        let last = PackedPlace::LAST_POSITION.0;
        for cursor in [EventCursor::START, of_event(1), of_event(4711), of_event(last)] {
            assert_eq!(EventCursor::read(LIST, &cursor.write(LIST)), Some(cursor));
        }
        let at = |position| EventCursor { position: Position(position), event: None };
        assert_eq!(EventCursor::read(LIST, "4711"), Some(at(4711)));
        assert_eq!(EventCursor::read(LIST, "281474976710655"), Some(at(last)));
    }

    #[test]
    fn what_is_no_cursor_is_not_read() {
        let whole = of_event(4711).write(LIST);
        let cut = &whole[..whole.len() - 2];
        let broken = ["0:4711", "-1", "4.7", "x", "é", "281474976710656", "9999999999999999", cut];
        for text in broken {
            assert_eq!(EventCursor::read(LIST, text), None, "{text}");
        }
        assert_eq!(EventCursor::read("events of 1", &whole), None, "it is another list's");
        let log = "00000000-0000-0000-0000-000000000007";
        let keys = ["", "7", &format!("{log} 1 0"), &format!("{log} 1 1 1"), "x 1 1"];
        for key in keys {
            assert_eq!(EventCursor::read(LIST, &write_cursor(LIST, key)), None, "{key}");
        }
    }

    #[test]
    fn an_empty_text_is_no_cursor() {
        assert_eq!(EventCursor::read(LIST, ""), None);
        assert_eq!(EventCursor::read(LIST, "0"), Some(EventCursor::START));
    }
}

//! Where in its stream an event stands: its position, and the entries before it that have none.

use std::collections::BTreeMap;

use log_record::Position;

/// How many entries without a position stand before an event, as far as it was seen. Only an epoch
/// that is raised adds one, so this has a line for every start and every lost answer.
#[derive(Debug, Default)]
pub(super) struct Offsets(BTreeMap<Position, u64>);

impl Offsets {
    /// A revision at which the event stands, or before which it doesn't: with each raised epoch
    /// that wasn't seen yet it stands one further.
    pub(super) fn earliest(&self, position: Position) -> u64 {
        let known = self.0.range(..=position).next_back();
        // The first entry of a stream raises an epoch.
        position.0.saturating_add(known.map_or(1, |(_, offset)| *offset)).saturating_sub(1)
    }

    pub(super) fn note(&mut self, position: Position, revision: u64) {
        if self.earliest(position) < revision {
            self.0.insert(position, (revision + 1).saturating_sub(position.0));
        }
    }

    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_never_looked_for_behind_where_it_stands() {
        let mut offsets = Offsets::default();
        // Three events in the first epoch, two in the third, one in the fourth.
        let at = [(1, 1), (2, 2), (3, 3), (4, 6), (5, 7), (6, 9)];
        let noted = [(5, 7), (1, 1), (6, 9)];
        for (position, revision) in noted {
            offsets.note(Position(position), revision);
            for (position, revision) in at {
                assert!(offsets.earliest(Position(position)) <= revision, "{position}");
            }
        }
        assert_eq!(offsets.earliest(Position(5)), 7);
        assert_eq!(offsets.earliest(Position(6)), 9);
        assert_eq!(offsets.earliest(Position(4)), 4, "not seen yet");
        assert_eq!(offsets.0.len(), 2, "what is known already takes no room");
        offsets.forget();
        assert_eq!(offsets.earliest(Position(6)), 6);
    }
}

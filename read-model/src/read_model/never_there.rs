//! Places that no read will ever contain, however long it waits.

use std::time::Duration;

use log_record::Place;

use super::ReadModel;

/// A place so far beyond the log's end, as it was last seen, can't exist yet: no log grows by so
/// many events between two looks.
const AHEAD_MAX: u64 = 1_000_000;

/// How old the last look at the log may be. An older one is of a log that can't be reached.
const LOOKED_WITHIN: Duration = Duration::from_secs(10);

/// Why no event will ever have a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NeverThere {
    /// The log has no such partition.
    #[error(
        "has {place}, and the log has no partition {}; its partitions are 0 to {}",
        .place.partition.0, .partitions.saturating_sub(1)
    )]
    NoPartition {
        /// The place.
        place: Place,
        /// How many partitions the log has.
        partitions: usize,
    },
    /// The partition ends far before it.
    #[error(
        "has {place}, which is far beyond the log's end at {end}: this ledger never gave this \
         position"
    )]
    BeyondEnd {
        /// The place.
        place: Place,
        /// Where its partition ends.
        end: Place,
    },
}

impl ReadModel {
    /// Why no event will ever have one of these places, as far as this process knows the log.
    #[must_use]
    pub fn never_there(&self, places: &[Place]) -> Option<NeverThere> {
        if places.is_empty() {
            return None;
        }
        let log = self.log.get();
        let partitions = match (self.positions.len(), log) {
            (0, Some(log)) => log.ends().len(),
            (known, _) => known,
        };
        // 0: nobody has said how many there are.
        let has = |place: &Place| partitions == 0 || usize::from(place.partition.0) < partitions;
        if let Some(place) = places.iter().find(|place| !has(place)) {
            return Some(NeverThere::NoPartition { place: *place, partitions });
        }
        let ends = log.and_then(|log| log.followed_ends())?;
        let ends = ends.borrow();
        if ends.looked_at.elapsed() > LOOKED_WITHIN {
            return None;
        }
        places.iter().find_map(|place| {
            let end = ends.of(place)?;
            let is_beyond = place.position.0 > end.position.0.saturating_add(AHEAD_MAX);
            is_beyond.then_some(NeverThere::BeyondEnd { place: *place, end: *end })
        })
    }
}

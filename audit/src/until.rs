//! Up to which event a moment reaches.

use domain::Timestamp;
use event_store::{EventStore, StoreError};
use log_record::{PackedPlace, Partition, Place, Position, RecordedEvent};

/// Up to which event of a partition a moment reaches, and when it was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Until {
    partition: Partition,
    /// Nothing where the time alone counts.
    position: Option<Position>,
    /// What had fallen due by then counts as done.
    pub(crate) time: Timestamp,
}

impl Until {
    /// All that was recorded by a time.
    #[must_use]
    pub(crate) const fn time(partition: Partition, time: Timestamp) -> Self {
        Self { partition, position: None, time }
    }

    /// All up to an event that the log has.
    pub(crate) async fn place(store: &EventStore, place: Place) -> Result<Self, StoreError> {
        let Place { partition, position } = place;
        let time = time_at(store, place).await?;
        Ok(Self { partition, position: Some(position), time })
    }

    /// Whether the moment includes an event.
    #[must_use]
    pub(crate) fn includes(&self, event: &RecordedEvent) -> bool {
        let is_before = match self.position {
            Some(last) if event.partition() == self.partition => event.position() <= last,
            _ => true,
        };
        is_before && event.recorded_at <= self.time.micros()
    }

    /// The last place that the moment can include of its partition, and the last that the partition
    /// can have, as the read tables keep them.
    pub(crate) fn last_places(&self) -> [i64; 2] {
        let end = PackedPlace::new(self.partition, PackedPlace::LAST_POSITION);
        let last = self.position.map_or(end, |last| PackedPlace::new(self.partition, last));
        [last.as_i64(), end.as_i64()]
    }
}

/// When the event at a place was recorded; before the first event, the first of all times. The log
/// has no event of another millennium.
pub(crate) async fn time_at(store: &EventStore, place: Place) -> Result<Timestamp, StoreError> {
    if place.position == Position::START {
        return Ok(Timestamp::EPOCH);
    }
    let event = store.read_one(place).await?;
    Ok(Timestamp::from_micros(event.recorded_at).unwrap_or_default())
}

/// The last event of a partition that was recorded by a time, found by halves: times never decrease
/// in a partition.
pub(crate) async fn last_by(
    store: &EventStore,
    partition: Partition,
    time: Timestamp,
) -> Result<Position, StoreError> {
    let (mut first, mut last) = (0, store.head(partition).await?.position.0);
    while first < last {
        let middle = first + (last - first).div_ceil(2);
        let place = Place { partition, position: Position(middle) };
        if store.read_one(place).await?.recorded_at <= time.micros() {
            first = middle;
        } else {
            last = middle - 1;
        }
    }
    Ok(Position(first))
}

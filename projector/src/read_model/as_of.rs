//! As of which event something was read.

use log_record::{Place, Position};

/// As of which event of each partition something was read.
#[derive(Clone, Debug, Default)]
pub struct AsOf(pub(super) Vec<Progress>);

/// How far a partition is projected: the columns of `checkpoint` that every read begins with.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Progress {
    partition: i64,
    position: i64,
    recorded_at: i64,
    clock: Option<String>,
}

impl AsOf {
    /// How far the partition of a place is projected.
    #[must_use]
    pub fn reached(&self, place: &Place) -> Position {
        let partition = i64::from(place.partition.0);
        let found = self.0.iter().find(|progress| progress.partition == partition);
        Position(found.map(|progress| progress.position).unwrap_or_default().cast_unsigned())
    }

    /// When the last event was recorded, in microseconds.
    #[must_use]
    pub fn recorded_at(&self) -> i64 {
        self.0.iter().map(|progress| progress.recorded_at).max().unwrap_or_default()
    }

    /// Where the log takes its time from, where it has said so.
    #[must_use]
    pub fn clock(&self) -> Option<&str> {
        self.0.iter().filter_map(|progress| progress.clock.as_deref()).max()
    }
}

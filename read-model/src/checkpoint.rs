//! The last event of a partition that the read tables contain.

use log_record::{Checksum, Generation, Position, RecordedEvent};

/// The last event of a partition that the read tables contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The generation of the log that the event belongs to.
    pub generation: Generation,
    /// The event's position in its partition.
    pub position: Position,
    /// The event's checksum, by which a log with another history is noticed.
    pub checksum: Checksum,
    /// When the event was recorded, in microseconds.
    pub recorded_at: i64,
}

impl Checkpoint {
    /// Before the first event.
    pub const START: Self = Self {
        generation: Generation(1),
        position: Position::START,
        checksum: Checksum([0; 32]),
        recorded_at: 0,
    };

    /// At an event.
    #[must_use]
    pub const fn at(row: &RecordedEvent) -> Self {
        Self {
            generation: row.generation,
            position: row.place.position,
            checksum: row.checksum,
            recorded_at: row.recorded_at,
        }
    }
}

//! The end of a partition, and who may append to it.

use crate::{BatchId, Epoch, Generation, Position, WriterId};

/// A partition's head row. An append moves it by compare-and-set on position and epoch, and that
/// one condition is the optimistic check, the fence and the reason why there are no gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last event's position; [`Position::START`] in an empty partition.
    pub position: Position,
    /// The epoch of the writer that holds the partition.
    pub epoch: Epoch,
    /// The generation that events are appended in.
    pub generation: Generation,
    /// The writer that holds the partition; none has before the first take-over.
    pub writer: Option<WriterId>,
    /// The last append that landed; none has before the first.
    pub last_batch: Option<BatchId>,
}

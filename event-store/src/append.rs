//! One append, and how it can end.

use log_record::{BatchId, Epoch, Head, NewEvent, Partition, Position};

use crate::StoreError;

/// Events that land together or not at all, after the position and in the epoch that the writer
/// believes the partition to be in.
#[derive(Clone, Debug)]
pub struct Append {
    /// Where to.
    pub partition: Partition,
    /// The epoch of the writer.
    pub epoch: Epoch,
    /// The position that the first event follows.
    pub expected: Position,
    /// This append's name, by which a doubt is resolved.
    pub batch: BatchId,
    /// What to append, in order.
    pub events: Vec<NewEvent>,
}

/// How an append can fail.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Nothing landed: the head isn't where the writer believed it to be, so another one writes.
    #[error("the partition has moved on: its head is at {} in epoch {}", .0.position, .0.epoch)]
    Conflict(Head),
    /// Whether it landed isn't known, and it may still land; `EventStore::resolve_doubt` tells.
    #[error("whether the append landed isn't known")]
    InDoubt(#[source] StoreError),
}

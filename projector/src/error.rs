//! Why the log can't be projected, in sentences for the people who run it.

use event_store::StoreError;
use log_record::{Generation, Place, Position};
use read_model::{ReadModelError, ReadModelUrl};

/// A log can't be projected into a read model.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "a variant's sentence explains its fields")]
pub enum ProjectError {
    /// The read model can't be used.
    #[error(transparent)]
    ReadModel(#[from] ReadModelError),
    /// The log's history isn't the one that was projected.
    #[error(
        "log-forked: the read model {at} was made of a log whose event at {place} is not in this \
         one, which was shortened or changed since (its head is at {head}); restore the right log, \
         or, where it is lost, declare this one to be the history with `guerdon fork-log` and then \
         run `guerdon rebuild`: see \"After a fork\" in docs/operations/postgresql.md (a read model \
         that is only removed would have the same ids given out twice)"
    )]
    Forked {
        at: ReadModelUrl,
        place: Place,
        /// Its generation.
        generation: Generation,
        head: Position,
    },
    /// Another process rebuilds the read model.
    #[error("another process rebuilds the read model {at}; let it end, and try again")]
    BeingRebuilt { at: ReadModelUrl },
    /// Another process reconciles the read model.
    #[error("another process reconciles the read model {at}; let it end, and try again")]
    BeingReconciled { at: ReadModelUrl },
    /// There is nothing to reconcile.
    #[error("the read model {at} is empty: no projector has begun to fill it")]
    NotBegun { at: ReadModelUrl },
    /// The log grows so fast that a second read model doesn't come to where the first one is.
    #[error(
        "the log grows faster than it can be folded for the read model {at}; run this when less is \
         recorded"
    )]
    TooFast { at: ReadModelUrl },
    /// The log refused.
    #[error("the log can't be read for the read model")]
    Log(#[from] StoreError),
    /// An event can't be applied.
    #[error("the event at {place} can't be applied: {why}")]
    Unapplicable { place: Place, why: String },
    /// The tables of a past moment can't be made.
    #[error("the tables of a past moment can't be made of its events")]
    Past(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ProjectError {
    /// Whether the same may succeed later: a database or a log that is away comes back.
    pub(crate) const fn may_pass(&self) -> bool {
        match self {
            Self::Log(StoreError::Forked { .. }) => false,
            Self::Log(_) => true,
            Self::ReadModel(error) => error.may_pass(),
            Self::Forked { .. }
            | Self::BeingRebuilt { .. }
            | Self::BeingReconciled { .. }
            | Self::NotBegun { .. }
            | Self::TooFast { .. }
            | Self::Unapplicable { .. }
            | Self::Past(_) => false,
        }
    }
}

//! Facts about accounts themselves.

use log_record::Position;

use crate::{ErasureId, Reason, Timestamp};

/// Somebody opened an account. It may have had credit already: the first credit opens one, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountOpened {
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
}

/// An operator had what is private of an account erased, up to an event. What was appended later
/// stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountErased {
    /// Which erasure of the account.
    pub erasure_id: ErasureId,
    /// The account's events up to this position, of its own partition, lose their private texts.
    pub until: Position,
    /// Why. It is public, because it is kept: it names no person.
    pub reason: Reason,
}

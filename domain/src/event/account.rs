//! Facts about accounts themselves.

use log_record::Position;

use crate::{AccountId, ErasureId, Reason, Timestamp};

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

/// An account is about to be merged into one of another partition, which is asked first. Nothing
/// else changes: it can be spent from, and begun again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountMergerBegun {
    /// The account that it is to be merged into.
    pub into: AccountId,
}

/// The merger that was begun last won't be: the other account can't take it over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountMergerAbandoned {
    /// The account that it was to be merged into.
    pub into: AccountId,
}

/// An account was merged into another, for ever. What can be spent of it and what it counts, now
/// and later, is passed on in the same append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountMerged {
    /// The account that has it from now on.
    pub into: AccountId,
}

/// An account took another over, which was merged into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountTakenOver {
    /// The account that was merged.
    pub from: AccountId,
}

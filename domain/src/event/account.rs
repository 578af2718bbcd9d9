//! Facts about accounts themselves.

use crate::Timestamp;

/// Somebody opened an account. It may have had credit already: the first credit opens one, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountOpened {
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
}

//! Accounts themselves.

use std::borrow::Cow;

use domain::{ErasureId, Reason, Timestamp};
use log_record::Position;
use serde::{Deserialize, Serialize};

/// `account-opened`.
#[derive(Serialize, Deserialize)]
pub(crate) struct AccountOpened {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl From<&domain::AccountOpened> for AccountOpened {
    fn from(fact: &domain::AccountOpened) -> Self {
        let domain::AccountOpened { occurred_at } = fact;
        Self { occurred_at: *occurred_at }
    }
}

impl From<AccountOpened> for domain::AccountOpened {
    fn from(stored: AccountOpened) -> Self {
        let AccountOpened { occurred_at } = stored;
        Self { occurred_at }
    }
}

/// `account-erased`. `event-store` reads `until` of it, too.
#[derive(Serialize, Deserialize)]
pub(crate) struct AccountErased<'a> {
    erasure_id: Cow<'a, ErasureId>,
    until: Position,
    /// Public: it is kept.
    reason: Cow<'a, Reason>,
}

impl<'a> From<&'a domain::AccountErased> for AccountErased<'a> {
    fn from(fact: &'a domain::AccountErased) -> Self {
        let domain::AccountErased { erasure_id, until, reason } = fact;
        Self { erasure_id: Cow::Borrowed(erasure_id), until: *until, reason: Cow::Borrowed(reason) }
    }
}

impl From<AccountErased<'_>> for domain::AccountErased {
    fn from(stored: AccountErased<'_>) -> Self {
        let AccountErased { erasure_id, until, reason } = stored;
        Self { erasure_id: erasure_id.into_owned(), until, reason: reason.into_owned() }
    }
}

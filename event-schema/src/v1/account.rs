//! Accounts themselves.

use domain::Timestamp;
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

//! The API keys beside the log, so that every process of a ledger knows the same.
//!
//! They are no events: who may call is not a fact of the ledger. A store keeps the rows and makes
//! the changes; what a role or a scope means is known elsewhere.

use crate::StoreError;

/// A key as it is stored. Times are in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// Its id, which is no secret: `k-7f3a9c21`.
    pub id: String,
    /// The role's name.
    pub role: String,
    /// SHA-256 of the key's text.
    pub hash: [u8; 32],
    /// What it is for, in an operator's words.
    pub label: String,
    /// Its scopes, separated by spaces.
    pub scopes: String,
    /// The one account that it is for, where it is bound to one.
    pub account_id: Option<String>,
    /// The name of the person who holds it.
    pub name: Option<String>,
    /// When it was made.
    pub created_at: i64,
    /// From when on it is no longer let in.
    pub expires_at: Option<i64>,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
    /// When it was last let in, to the minute.
    pub last_used_at: Option<i64>,
}

/// A change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiKeyChange {
    /// There is a new key.
    Add(ApiKeyRow),
    /// A key is revoked; the first revocation counts.
    Revoke {
        /// The key's id.
        id: String,
        /// The time, in microseconds since 1970.
        at: i64,
    },
    /// A key expires at this time, unless it does before.
    Expire {
        /// The key's id.
        id: String,
        /// The time, in microseconds since 1970.
        at: i64,
    },
    /// A key was let in; the latest use counts.
    Use {
        /// The key's id.
        id: String,
        /// The time, in microseconds since 1970.
        at: i64,
    },
}

impl ApiKeyChange {
    /// Makes the change in a list of all keys. Every store does the same in its own way.
    pub(crate) fn apply(&self, keys: &mut Vec<ApiKeyRow>) -> Result<(), StoreError> {
        let (id, at) = match self {
            Self::Add(row) => {
                if keys.iter().any(|key| key.id == row.id || key.hash == row.hash) {
                    return Err(StoreError::ApiKeyExists);
                }
                keys.push(row.clone());
                return Ok(());
            }
            Self::Revoke { id, at } | Self::Expire { id, at } | Self::Use { id, at } => (id, *at),
        };
        let Some(key) = keys.iter_mut().find(|key| key.id == *id) else { return Ok(()) };
        match self {
            Self::Add(_) => {}
            Self::Revoke { .. } => key.revoked_at = key.revoked_at.or(Some(at)),
            Self::Expire { .. } => {
                key.expires_at = Some(key.expires_at.map_or(at, |before| before.min(at)));
            }
            Self::Use { .. } => key.last_used_at = key.last_used_at.max(Some(at)),
        }
        Ok(())
    }
}

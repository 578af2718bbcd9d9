//! The API keys beside a log in KurrentDB.

use log_record::{hex, parse_hex};
use serde::{Deserialize, Serialize};

use super::KurrentStore;
use super::list::List;
use crate::{ApiKeyChange, ApiKeyRow, StoreError};

/// How often a key's last use is written: every entry holds all keys, and the stream only grows.
const USE_KEPT_EVERY_MICROS: i64 = 3_600 * 1_000_000;

/// All keys after a change.
#[derive(Serialize, Deserialize)]
struct KeysChanged {
    keys: Vec<Key>,
}

#[derive(Serialize, Deserialize)]
struct Key {
    id: String,
    role: String,
    sha256: String,
    label: String,
    scopes: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    created_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<i64>,
}

impl KurrentStore {
    pub(crate) async fn api_keys(&self) -> Result<Vec<ApiKeyRow>, StoreError> {
        Ok(rows_of(self.key_list().newest().await?))
    }

    pub(crate) async fn change_api_keys(
        &self,
        changes: Vec<ApiKeyChange>,
    ) -> Result<(), StoreError> {
        let change = |newest: Option<KeysChanged>| {
            let (is_first, before) = (newest.is_none(), rows_of(newest));
            let mut keys = before.clone();
            for change in changes.iter().filter(|change| !is_soon(change, &before)) {
                change.apply(&mut keys)?;
            }
            let is_changed = is_first || keys != before;
            Ok(is_changed.then(|| KeysChanged { keys: keys.into_iter().map(key_of).collect() }))
        };
        self.key_list().change(change).await
    }

    fn key_list(&self) -> List<'_> {
        List {
            connection: &self.shared.connection,
            stream: format!("guerdon_keys-{}", self.shared.log_id),
            event_type: "api-keys-changed",
        }
    }
}

/// Whether a use comes so soon after the one that is known that it isn't worth an entry.
fn is_soon(change: &ApiKeyChange, keys: &[ApiKeyRow]) -> bool {
    let ApiKeyChange::Use { id, at } = change else { return false };
    let key = keys.iter().find(|key| key.id == *id);
    let known = key.and_then(|key| key.last_used_at);
    known.is_some_and(|known| at.saturating_sub(known) < USE_KEPT_EVERY_MICROS)
}

fn rows_of(newest: Option<KeysChanged>) -> Vec<ApiKeyRow> {
    newest.into_iter().flat_map(|newest| newest.keys).map(row_of).collect()
}

fn row_of(key: Key) -> ApiKeyRow {
    ApiKeyRow {
        id: key.id,
        role: key.role,
        // Of no key's text.
        hash: parse_hex(&key.sha256).unwrap_or_default(),
        label: key.label,
        scopes: key.scopes,
        account_id: key.account_id,
        name: key.name,
        created_at: key.created_at,
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
        last_used_at: key.last_used_at,
    }
}

fn key_of(row: ApiKeyRow) -> Key {
    Key {
        id: row.id,
        role: row.role,
        sha256: hex(&row.hash),
        label: row.label,
        scopes: row.scopes,
        account_id: row.account_id,
        name: row.name,
        created_at: row.created_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        last_used_at: row.last_used_at,
    }
}

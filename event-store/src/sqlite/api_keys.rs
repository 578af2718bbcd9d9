//! The table of API keys in a SQLite file.

use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
use rusqlite::{Connection, TransactionBehavior, params};

use super::SqliteStore;
use crate::{ApiKeyChange, ApiKeyRow, StoreError};

impl SqliteStore {
    pub(crate) async fn api_keys(&self) -> Result<Vec<ApiKeyRow>, StoreError> {
        self.read_with("read the API keys of", |connection| select(connection)).await
    }

    pub(crate) async fn change_api_keys(
        &self,
        changes: Vec<ApiKeyChange>,
    ) -> Result<(), StoreError> {
        let change = move |connection: &mut Connection| change(connection, &changes);
        self.write_beside("write the API keys of", change).await.map_err(|error| match error {
            StoreError::Sqlite { source, .. } if is_taken(&source) => StoreError::ApiKeyExists,
            other => other,
        })
    }
}

fn select(connection: &Connection) -> rusqlite::Result<Vec<ApiKeyRow>> {
    let mut select = connection.prepare("select * from api_key order by created_at, id")?;
    let keys = select.query_map((), |row| {
        Ok(ApiKeyRow {
            id: row.get("id")?,
            role: row.get("role")?,
            hash: row.get("hash")?,
            label: row.get("label")?,
            scopes: row.get("scopes")?,
            account_id: row.get("account_id")?,
            name: row.get("name")?,
            created_at: row.get("created_at")?,
            expires_at: row.get("expires_at")?,
            revoked_at: row.get("revoked_at")?,
            last_used_at: row.get("last_used_at")?,
        })
    })?;
    keys.collect()
}

/// Makes all changes in one transaction.
fn change(connection: &mut Connection, changes: &[ApiKeyChange]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for change in changes {
        match change {
            ApiKeyChange::Add(key) => insert(&transaction, key)?,
            ApiKeyChange::Revoke { id, at } => {
                transaction.execute(include_str!("revoke_api_key.sql"), (id, at))?
            }
            ApiKeyChange::Expire { id, at } => {
                transaction.execute(include_str!("expire_api_key.sql"), (id, at))?
            }
            ApiKeyChange::Use { id, at } => {
                transaction.execute(include_str!("note_api_key_use.sql"), (id, at))?
            }
        };
    }
    transaction.commit()
}

/// Whether the id or the hash of a new key is another's.
fn is_taken(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE))
}

fn insert(connection: &Connection, key: &ApiKeyRow) -> rusqlite::Result<usize> {
    connection.execute(
        include_str!("insert_api_key.sql"),
        params![
            key.id,
            key.hash,
            key.role,
            key.label,
            key.scopes,
            key.account_id,
            key.name,
            key.created_at,
            key.expires_at,
            key.revoked_at,
            key.last_used_at,
        ],
    )
}

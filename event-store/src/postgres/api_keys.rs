//! The table of API keys in PostgreSQL.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, Row};

use super::{PostgresStore, postgres};
use crate::{ApiKeyChange, ApiKeyRow, StoreError};

impl PostgresStore {
    pub(crate) async fn api_keys(&self) -> Result<Vec<ApiKeyRow>, StoreError> {
        self.read_with("read the API keys of", select).await
    }

    pub(crate) async fn change_api_keys(
        &self,
        changes: Vec<ApiKeyChange>,
    ) -> Result<(), StoreError> {
        let mut connection = self.shared.url.connect().await?;
        let changed = change(&mut connection.client, &changes).await;
        changed.map_err(|source| match source.code() {
            Some(&SqlState::UNIQUE_VIOLATION) => StoreError::ApiKeyExists,
            _ => postgres("write the API keys of", source),
        })
    }
}

async fn select(client: &Client) -> Result<Vec<ApiKeyRow>, Error> {
    let select = "select * from guerdon_log.api_key order by created_at, id";
    client.query(select, &[]).await?.iter().map(key).collect()
}

fn key(row: &Row) -> Result<ApiKeyRow, Error> {
    let hash: &[u8] = row.try_get("hash")?;
    Ok(ApiKeyRow {
        id: row.try_get("id")?,
        role: row.try_get("role")?,
        // The table holds 32 bytes; others would be the hash of no key.
        hash: <[u8; 32]>::try_from(hash).unwrap_or_default(),
        label: row.try_get("label")?,
        scopes: row.try_get("scopes")?,
        account_id: row.try_get("account_id")?,
        name: row.try_get("name")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        revoked_at: row.try_get("revoked_at")?,
        last_used_at: row.try_get("last_used_at")?,
    })
}

/// Makes all changes in one transaction.
async fn change(client: &mut Client, changes: &[ApiKeyChange]) -> Result<(), Error> {
    let transaction = client.transaction().await?;
    for change in changes {
        match change {
            ApiKeyChange::Add(key) => {
                let hash = key.hash.as_slice();
                transaction
                    .execute(
                        include_str!("insert_api_key.sql"),
                        &[
                            &key.id,
                            &hash,
                            &key.role,
                            &key.label,
                            &key.scopes,
                            &key.account_id,
                            &key.name,
                            &key.created_at,
                            &key.expires_at,
                            &key.revoked_at,
                            &key.last_used_at,
                        ],
                    )
                    .await?
            }
            ApiKeyChange::Revoke { id, at } => {
                transaction.execute(include_str!("revoke_api_key.sql"), &[id, at]).await?
            }
            ApiKeyChange::Expire { id, at } => {
                transaction.execute(include_str!("expire_api_key.sql"), &[id, at]).await?
            }
            ApiKeyChange::Use { id, at } => {
                transaction.execute(include_str!("note_api_key_use.sql"), &[id, at]).await?
            }
        };
    }
    transaction.commit().await
}

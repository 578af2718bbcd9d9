//! The key of codes in a SQLite file.

use rusqlite::OptionalExtension as _;

use super::SqliteStore;
use super::rows::failed;
use crate::{CodeKey, StoreError};

impl SqliteStore {
    pub(crate) async fn code_key(&self) -> Result<Option<CodeKey>, StoreError> {
        self.read_with(|connection| {
            connection
                .query_row("select key from code_key", (), |row| {
                    Ok(CodeKey::of_column(row.get_ref(0)?.as_blob()?))
                })
                .optional()
                .map(Option::flatten)
                .map_err(|source| failed(connection, "read the key of codes of", source))
        })
        .await?
    }

    pub(crate) async fn set_code_key(&self, key: CodeKey) -> Result<(), StoreError> {
        self.write_beside("write the key of codes of", move |connection| {
            connection.execute(include_str!("upsert_code_key.sql"), (key.as_bytes(),))?;
            Ok(())
        })
        .await
    }
}

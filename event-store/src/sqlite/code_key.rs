//! The key of codes in a SQLite file.

use rusqlite::OptionalExtension as _;

use super::SqliteStore;
use crate::{CodeKey, StoreError};

impl SqliteStore {
    pub(crate) async fn code_key(&self) -> Result<Option<CodeKey>, StoreError> {
        self.read_with("read the key of codes of", |connection| {
            let key = connection.query_row("select key from code_key", (), |row| {
                Ok(CodeKey::of_column(row.get_ref(0)?.as_blob()?))
            });
            key.optional().map(Option::flatten)
        })
        .await
    }

    pub(crate) async fn set_code_key(&self, key: CodeKey) -> Result<(), StoreError> {
        self.write_beside("write the key of codes of", move |connection| {
            connection.execute(include_str!("upsert_code_key.sql"), (key.as_bytes(),))?;
            Ok(())
        })
        .await
    }
}

//! How far the import of a log is, in the log's own row.

use super::{PostgresStore, postgres};
use crate::{ImportState, StoreError};

const STATE: &str = "select import_state from guerdon_log.log";
const SET: &str = "update guerdon_log.log set import_state = $1";

impl PostgresStore {
    pub(crate) async fn import_state(&self) -> Result<Option<ImportState>, StoreError> {
        const DOING: &str = "read";
        let rows = self.ask(DOING, STATE, &[]).await?;
        let state = rows.first().map(|row| row.try_get::<_, Option<&str>>(0)).transpose();
        let state = state.map_err(|source| postgres(DOING, source))?;
        Ok(ImportState::of_column(state.flatten()))
    }

    pub(crate) async fn set_import_state(&self, state: ImportState) -> Result<(), StoreError> {
        let connection = self.shared.url.connect().await?;
        let set = connection.client.execute(SET, &[&state.as_str()]).await;
        set.map_err(|source| postgres("note the import of", source))?;
        if connection.take_warning() { Err(StoreError::Warned) } else { Ok(()) }
    }
}

//! What an import or a copy has made of a log: until it is finished, nobody else opens the log.

use crate::{EventStore, StoreError, StoreUrl};

/// How far the import of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportState {
    /// The log has the beginning of what is imported.
    Unfinished,
    /// The log has all of it.
    Finished,
}

impl ImportState {
    /// As the log's row has it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unfinished => "unfinished",
            Self::Finished => "finished",
        }
    }

    /// What the log's row says.
    pub(crate) fn of_column(column: Option<&str>) -> Option<Self> {
        [Self::Unfinished, Self::Finished].into_iter().find(|state| column == Some(state.as_str()))
    }

    /// Refuses a log whose import isn't finished, unless the import itself opens it.
    pub(crate) fn check(
        state: Option<Self>,
        is_import: bool,
        log: impl ToString,
    ) -> Result<(), StoreError> {
        if state == Some(Self::Unfinished) && !is_import {
            return Err(StoreError::UnfinishedImport { log: log.to_string() });
        }
        Ok(())
    }
}

impl StoreUrl {
    /// Whether a log there can be imported: it must keep the mark that the import isn't finished.
    #[must_use]
    pub const fn takes_imports(&self) -> bool {
        match self {
            Self::Sqlite(_) | Self::Postgres(_) => true,
            Self::Memory => false,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => false,
        }
    }
}

impl EventStore {
    /// How far the log's import is; nothing where it was never imported.
    pub async fn import_state(&self) -> Result<Option<ImportState>, StoreError> {
        match self {
            Self::Memory(_) => Ok(None),
            Self::Sqlite(store) => store.import_state().await,
            Self::Postgres(store) => store.import_state().await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Ok(None),
        }
    }

    /// Begins to fill the log further: nobody else opens it until [`EventStore::finish_import`].
    pub async fn begin_import(&self) -> Result<(), StoreError> {
        self.set_import_state(ImportState::Unfinished).await
    }

    /// Ends an import: from now on the log is opened like any other.
    pub async fn finish_import(&self) -> Result<(), StoreError> {
        self.set_import_state(ImportState::Finished).await
    }

    async fn set_import_state(&self, state: ImportState) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Sqlite(store) => store.set_import_state(state).await,
            Self::Postgres(store) => store.set_import_state(state).await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Ok(()),
        }
    }
}

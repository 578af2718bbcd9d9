//! The key under which the codes of offers are hashed: made with the log, kept beside the API keys,
//! and in no event.
//!
//! A log that was imported has no key, and a log in `KurrentDB` has none. A copy of a log gets the
//! original's: under another key, codes that were uploaded before wouldn't be known again. A copy
//! of a log that has no key gets a new one, if no codes were uploaded.

use std::fmt;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{EventStore, StoreError};

/// A key of 32 bytes, which is never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CodeKey([u8; 32]);

impl CodeKey {
    /// A key of these bytes; nothing where they aren't 32.
    pub(crate) fn of_column(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// A new key. Each of the ids has 74 random bits.
    #[must_use]
    pub fn random() -> Self {
        let ids = [(); 8].map(|()| *Uuid::now_v7().as_bytes());
        Self(Sha256::digest(ids.concat()).into())
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl EventStore {
    /// The key under which codes are hashed; nothing where the log has none.
    pub async fn code_key(&self) -> Result<Option<CodeKey>, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.code_key()),
            Self::Sqlite(store) => store.code_key().await,
            Self::Postgres(store) => store.code_key().await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Ok(None),
        }
    }

    /// Gives a copy of a log its key.
    pub async fn set_code_key(&self, key: CodeKey) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => {
                store.set_code_key(key);
                Ok(())
            }
            Self::Sqlite(store) => store.set_code_key(key).await,
            Self::Postgres(store) => store.set_code_key(key).await,
            // It keeps no codes' hashes: uploads are refused there.
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Ok(()),
        }
    }
}

//! The calls of which no event tells, in a table beside the keys.

use log_record::{UnrecordedCall, UnrecordedCalls};

use crate::{EventStore, StoreError};

/// The calls of which no event tells. `KurrentDB` has no tables: there they are in the program's
/// log only. A process that only reads the log may note calls, too, beside the writer.
impl EventStore {
    /// Keeps these calls, durably. One that is kept already stays as it is.
    pub async fn note_calls(&self, calls: Vec<UnrecordedCall>) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => store.note_calls(calls),
            Self::Sqlite(store) => store.note_calls(calls).await?,
            Self::Postgres(store) => store.note_calls(&calls).await?,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => calls.iter().for_each(log_call),
        }
        Ok(())
    }

    /// The calls that are asked for, the newest first.
    pub async fn unrecorded_calls(
        &self,
        asked: UnrecordedCalls,
    ) -> Result<Vec<UnrecordedCall>, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.unrecorded_calls(&asked)),
            Self::Sqlite(store) => store.unrecorded_calls(asked).await,
            Self::Postgres(store) => store.unrecorded_calls(asked).await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => Ok(vec![]),
        }
    }

    /// Deletes the calls before a time, and all but the newest so many: of those that were refused
    /// or failed, and of those that did something.
    pub async fn delete_calls(&self, before: i64, keep: u32) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => store.delete_calls(before, keep),
            Self::Sqlite(store) => store.delete_calls(before, keep).await?,
            Self::Postgres(store) => store.delete_calls(before, keep).await?,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(_) => {}
        }
        Ok(())
    }
}

/// Without what is private: the program's log is no place for that.
#[cfg(feature = "kurrent")]
fn log_call(call: &UnrecordedCall) {
    let UnrecordedCall { request_id, key, role, method, path, status, code, .. } = call;
    tracing::info!(request_id, key, role, method, path, status, code, "a call recorded no event");
}

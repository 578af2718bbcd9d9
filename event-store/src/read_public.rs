//! A read of which only what is made of each event is kept: no row is copied, and no private text
//! is read. A restart reads the whole log so.

use log_record::{EventRef, Partition, Position};

use crate::check::MISSING;
use crate::{EventStore, READ_EVENTS_MAX, StoreError};

/// What is made of events, up to the first of which it can't be made.
pub(crate) type Made<T, E> = Result<Vec<T>, E>;

/// Makes something of an event, or leaves it out.
pub(crate) trait Make<T, E>:
    FnMut(&EventRef<'_>) -> Option<Result<T, E>> + Send + 'static
{
}

impl<T, E, F: FnMut(&EventRef<'_>) -> Option<Result<T, E>> + Send + 'static> Make<T, E> for F {}

impl EventStore {
    /// What `make` gives for the events after `after`, as many as there are, but at most `limit`
    /// and [`READ_EVENTS_MAX`]. They are as intact as those of [`EventStore::read`], but for the
    /// private texts: of them `make` is given the hashes. It runs where the store reads.
    pub async fn read_public<T: Send + 'static, E: Send + 'static>(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
        make: impl FnMut(&EventRef<'_>) -> Option<Result<T, E>> + Clone + Send + 'static,
    ) -> Result<Result<Vec<T>, E>, StoreError> {
        let limit = limit.min(READ_EVENTS_MAX);
        let read = match self {
            Self::Sqlite(store) => store.read_public(partition, after, limit, make.clone()).await,
            Self::Postgres(store) => store.read_public(partition, after, limit, make.clone()).await,
            _ => return self.read_whole(partition, after, limit, make).await,
        };
        match read {
            // Perhaps it is archived.
            Err(StoreError::CorruptEvent { what: MISSING, .. }) => {
                self.read_whole(partition, after, limit, make).await
            }
            read => read,
        }
    }

    async fn read_whole<T: Send + 'static, E: Send + 'static>(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
        mut make: impl Make<T, E>,
    ) -> Result<Made<T, E>, StoreError> {
        let rows = self.read(partition, after, limit).await?;
        let make_all = move || rows.iter().filter_map(|row| make(&row.into())).collect();
        tokio::task::spawn_blocking(make_all).await.map_err(|_| StoreError::Closed)
    }
}

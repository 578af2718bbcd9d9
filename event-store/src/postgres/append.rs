//! An append: one statement on the partition's own connection, and what its failure means.

use log_record::{Head, Partition, Position, RecordedEvent};
use tokio::sync::MutexGuard;
use tokio_postgres::error::SqlState;

use super::messages::{MessageColumns, is_repeated};
use super::rows::{Columns, head_of_row};
use super::{PostgresStore, READ_HEAD, Writer, is_stale, postgres};
use crate::messages::rows_of;
use crate::{Append, AppendError, StoreError, Unlanded};

/// Answers by which the server says that it rolled the append back because of somebody else's lock:
/// the same append can succeed (40001, 40P01, 55P03).
const ROLLED_BACK: [SqlState; 3] = [
    SqlState::T_R_SERIALIZATION_FAILURE,
    SqlState::T_R_DEADLOCK_DETECTED,
    SqlState::LOCK_NOT_AVAILABLE,
];

/// How an append failed on its connection.
enum Failed {
    Conflict(Head),
    NotBegun(StoreError),
    /// Likewise, and the statement must be prepared anew.
    Stale(StoreError),
    InDoubt(StoreError),
}

impl Failed {
    /// A server that lost a race for a lock says so after it has rolled everything back.
    fn of_append(source: tokio_postgres::Error) -> Self {
        let is_rolled_back = source.code().is_some_and(|code| ROLLED_BACK.contains(code));
        let is_stale = is_stale(&source);
        let error = postgres("append to", source);
        match (is_stale, is_rolled_back) {
            (true, _) => Self::Stale(error),
            (false, true) => Self::NotBegun(error),
            (false, false) => Self::InDoubt(error),
        }
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::InDoubt(error)
    }
}

impl PostgresStore {
    /// `sealed` gives the rows to append, in a task of its own: meanwhile the next are decided, and
    /// an append that nobody waits for any more goes on all the same.
    pub(crate) async fn append(
        &self,
        partition: Partition,
        sealed: impl FnOnce() -> Append<RecordedEvent> + Send + 'static,
    ) -> Result<Position, AppendError> {
        let store = self.clone();
        let appended = tokio::spawn(async move {
            let mut held = store.writer(partition).map_err(AppendError::InDoubt)?.lock().await;
            let append = sealed();
            match store.append_on(&mut held, &append).await {
                Ok(last) => {
                    // Before the next append can begin.
                    if let Some(recent) = store.recent_of(partition) {
                        recent.keep(append.events);
                    }
                    Ok(last)
                }
                Err(Failed::Conflict(head)) => Err(AppendError::Conflict(head)),
                Err(Failed::NotBegun(error)) => {
                    Err(AppendError::NotBegun(error, Unlanded(append.events)))
                }
                Err(Failed::Stale(error)) => {
                    *held = None;
                    Err(AppendError::NotBegun(error, Unlanded(append.events)))
                }
                Err(Failed::InDoubt(error)) => {
                    *held = None;
                    Err(AppendError::InDoubt(error))
                }
            }
        });
        appended.await.map_err(|_| AppendError::InDoubt(StoreError::Closed))?
    }

    /// Where it ends.
    async fn append_on(
        &self,
        held: &mut MutexGuard<'_, Option<Writer>>,
        append: &Append<RecordedEvent>,
    ) -> Result<Position, Failed> {
        let messages = rows_of(&append.events)?;
        // Until there is a connection, nothing was sent.
        let writer = self.connect(append.partition, held).await.map_err(Failed::NotBegun)?;
        let client = &writer.connection.client;
        let hashes: Vec<_> = append.events.iter().map(RecordedEvent::private_hash).collect();
        let columns = Columns::of(append, &hashes);
        let message_columns = (!messages.is_empty()).then(|| MessageColumns::of(&messages));
        let statement = if messages.is_empty() { &writer.append } else { &writer.append_messages };
        let failed = |source| postgres("append to", source);
        // The answer comes after the commit, or with it: the future waits for both.
        let appended = client.execute(statement, &columns.params(message_columns.as_ref())).await;
        let rows = appended.map_err(|source| {
            if is_repeated(&source) {
                let partition = append.partition;
                return Failed::InDoubt(StoreError::RepeatedMessage { partition });
            }
            Failed::of_append(source)
        })?;
        if writer.connection.take_warning() {
            return Err(StoreError::Warned.into());
        }
        if rows != append.events.len() as u64 {
            let partition = i32::from(append.partition.0);
            let head = client.query_one(READ_HEAD, &[&partition]).await.map_err(failed)?;
            return Err(Failed::Conflict(head_of_row(&head).map_err(failed)?));
        }
        let last = append.last();
        self.shared.ranges.make_ahead(&self.shared.url, last);
        Ok(last)
    }
}

//! Appends: one statement for those of one or several partitions, and what its failure means.

use log_record::{Head, Partition, RecordedEvent};
use tokio::sync::MutexGuard;
use tokio_postgres::error::SqlState;

use super::messages::{MessageColumns, is_repeated};
use super::rows::{Columns, head_of_row};
use super::{PostgresStore, READ_HEAD, Writer, is_stale, postgres};
use crate::append::{in_doubt, not_begun};
use crate::{Append, AppendError, Landed, StoreError, Unlanded};

/// Answers by which the server says that it rolled the append back because of somebody else's lock:
/// the same append can succeed (40001, 40P01, 55P03).
const ROLLED_BACK: [SqlState; 3] = [
    SqlState::T_R_SERIALIZATION_FAILURE,
    SqlState::T_R_DEADLOCK_DETECTED,
    SqlState::LOCK_NOT_AVAILABLE,
];

/// The most bytes of texts that appends of several partitions have in one statement: a server takes
/// no message of a gigabyte.
const STATEMENT_BYTES_MAX: usize = 256 << 20;

/// How all appends of a statement failed.
enum Failed {
    NotBegun(StoreError),
    /// Likewise, and the statement must be prepared anew.
    Stale(StoreError),
    /// Nothing of them landed, because of what is in one of them.
    Unfit(StoreError),
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

/// Whether the server rolled the appends back because of what is in one of them: no table takes it
/// (classes 22 and 23).
fn is_untakable(error: &tokio_postgres::Error) -> bool {
    let code = error.code().map(SqlState::code).unwrap_or_default();
    code.starts_with("22") || code.starts_with("23")
}

/// The partition's connection, while nobody else appends there.
type Held<'a> = MutexGuard<'a, Option<Writer>>;

impl PostgresStore {
    /// `sealed` gives the rows to append, in a task of its own: meanwhile the next are decided, and
    /// an append that nobody waits for any more goes on all the same.
    pub(crate) async fn append(
        &self,
        partitions: &[Partition],
        sealed: impl FnOnce() -> Vec<Append<RecordedEvent>> + Send + 'static,
    ) -> Vec<Result<Landed, AppendError>> {
        let (store, of) = (self.clone(), partitions.to_vec());
        let appended = tokio::spawn(async move { store.append_sealed(&of, sealed).await });
        appended.await.unwrap_or_else(|_| in_doubt(StoreError::Closed, partitions.len()))
    }

    async fn append_sealed(
        &self,
        partitions: &[Partition],
        sealed: impl FnOnce() -> Vec<Append<RecordedEvent>>,
    ) -> Vec<Result<Landed, AppendError>> {
        let mut held = vec![];
        for partition in partitions {
            match self.writer(*partition) {
                Ok(writer) => held.push(writer.lock().await),
                Err(error) => return in_doubt(error, partitions.len()),
            }
        }
        let appends = sealed();
        let rows = appends.iter().flat_map(|append| &append.events);
        let bytes: usize = rows.map(RecordedEvent::text_bytes).sum();
        if appends.len() > 1 && bytes <= STATEMENT_BYTES_MAX {
            match self.append_on(&mut held, &appends).await {
                Ok(heads) => return self.land(appends, heads),
                Err(Failed::InDoubt(error)) => {
                    held[0].take();
                    return in_doubt(error, appends.len());
                }
                // One after the other, each would wait as long for the lock or the connection.
                // Their writers try them again beside each other.
                Err(Failed::NotBegun(error)) => return not_begun(error, appends),
                // One of them can't land. Made alone, it keeps none of the others from landing.
                Err(Failed::Unfit(_)) => {}
                Err(Failed::Stale(_)) => *held[0] = None,
            }
        }
        let mut ended = vec![];
        for (append, held) in appends.into_iter().zip(held) {
            ended.push(self.append_alone(held, append).await);
        }
        ended
    }

    async fn append_alone(
        &self,
        held: Held<'_>,
        append: Append<RecordedEvent>,
    ) -> Result<Landed, AppendError> {
        let (mut held, appends) = ([held], [append]);
        let ended = self.append_on(&mut held, &appends).await;
        let ([mut held], [append]) = (held, appends);
        match ended {
            Ok(heads) => {
                let only = self.land(vec![append], heads).pop();
                only.unwrap_or(Err(AppendError::InDoubt(StoreError::Closed)))
            }
            Err(Failed::NotBegun(error)) => {
                Err(AppendError::NotBegun(error, Unlanded(append.events)))
            }
            Err(Failed::Stale(error)) => {
                *held = None;
                Err(AppendError::NotBegun(error, Unlanded(append.events)))
            }
            Err(Failed::InDoubt(error) | Failed::Unfit(error)) => {
                *held = None;
                Err(AppendError::InDoubt(error))
            }
        }
    }

    /// What became of each append of a statement that the server has committed. Before the next
    /// append can begin, the rows are kept.
    fn land(
        &self,
        appends: Vec<Append<RecordedEvent>>,
        heads: Vec<Option<Head>>,
    ) -> Vec<Result<Landed, AppendError>> {
        let landed = appends.into_iter().zip(heads).map(|(append, moved)| {
            if let Some(head) = moved {
                return Err(AppendError::Conflict(head));
            }
            let landed = Landed::of(&append, None);
            self.shared.ranges.make_ahead(&self.shared.url, landed.position);
            if let Some(recent) = self.recent_of(append.partition) {
                recent.keep(append.events);
            }
            Ok(landed)
        });
        landed.collect()
    }

    /// Appends on the connection of the first. Gives for each append nothing where it landed, and
    /// the head where that has moved, so that it didn't land. One that can't land keeps all from
    /// landing.
    async fn append_on(
        &self,
        held: &mut [Held<'_>],
        appends: &[Append<RecordedEvent>],
    ) -> Result<Vec<Option<Head>>, Failed> {
        let partitions: Vec<_> = appends.iter().map(|append| append.partition).collect();
        let messages = MessageColumns::of(appends).map_err(Failed::Unfit)?;
        let first = held.first_mut().ok_or(StoreError::Closed)?;
        // Until there is a connection, nothing was sent.
        let writer = self.connect(&partitions, first).await.map_err(Failed::NotBegun)?;
        let client = &writer.connection.client;
        let rows = appends.iter().flat_map(|append| &append.events);
        let hashes: Vec<_> = rows.map(RecordedEvent::private_hash).collect();
        let columns = Columns::of(appends, &hashes);
        let statement = if messages.is_some() { &writer.append_messages } else { &writer.append };
        let failed = |source| postgres("append to", source);
        // The answer comes after the commit, or with it: the future waits for both.
        let moved = client.query(statement, &columns.params(messages.as_ref())).await;
        let moved = moved.map_err(|source| {
            if is_repeated(&source) {
                return Failed::Unfit(StoreError::RepeatedMessage { partition: partitions[0] });
            }
            if is_untakable(&source) {
                return Failed::Unfit(postgres("append to", source));
            }
            Failed::of_append(source)
        })?;
        if writer.connection.take_warning() {
            return Err(StoreError::Warned.into());
        }
        let moved = moved.iter().map(|row| row.try_get::<_, i32>(0));
        let moved = moved.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let mut heads = vec![];
        for partition in partitions {
            let partition = i32::from(partition.0);
            heads.push(if moved.contains(&partition) {
                None
            } else {
                let head = client.query_one(READ_HEAD, &[&partition]).await.map_err(failed)?;
                Some(head_of_row(&head).map_err(failed)?)
            });
        }
        Ok(heads)
    }
}

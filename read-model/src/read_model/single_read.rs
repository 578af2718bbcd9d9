//! A single read: one statement, which sees the tables as of one event without a transaction.

use parking_lot::Mutex;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, FromRow, PgPool, query_as};
use tokio::sync::Semaphore;

use super::as_of::{AsOf, Progress};
use super::reading::{Argument, Query, RowOf, bind};

/// What one statement gave, and as of which event.
#[derive(Clone, Debug)]
pub struct SingleRead<T> {
    /// As of which event.
    pub as_of: AsOf,
    /// A row for each partition.
    pub rows: Vec<T>,
}

#[derive(sql_macros::FromRow)]
struct Row<T> {
    #[sqlx(flatten)]
    progress: Progress,
    #[sqlx(flatten)]
    found: T,
}

/// Of a statement that asks for nothing but how far the tables are.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoColumns;

impl<'r, R: sqlx::Row> FromRow<'r, R> for NoColumns {
    fn from_row(_: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self)
    }
}

/// Connections to a file for single reads. A pool checks after each use whether a connection is
/// alive, which takes as long as the read itself; a connection to a file always is. One whose use
/// was cancelled isn't used again.
#[derive(Debug)]
pub(super) struct FileSingleReads {
    options: SqliteConnectOptions,
    idle: Mutex<Vec<SqliteConnection>>,
    permits: Semaphore,
}

impl FileSingleReads {
    pub(super) fn new(options: SqliteConnectOptions, connections_max: usize) -> Self {
        Self { options, idle: Mutex::default(), permits: Semaphore::new(connections_max) }
    }

    pub(super) async fn all<T: RowOf>(
        &self,
        query: Query,
        arguments: &[Argument<'_>],
    ) -> Result<SingleRead<T>, sqlx::Error> {
        let _permit = self.permits.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.idle.lock().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => Box::pin(self.options.connect()).await?,
        };
        let rows = bind(query_as(query.sqlite), arguments).fetch_all(&mut connection).await?;
        if self.permits.is_closed() {
            Box::pin(close(connection)).await;
        } else {
            self.idle.lock().push(connection);
        }
        Ok(SingleRead::of(rows))
    }

    pub(super) async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle.lock());
        for connection in idle {
            close(connection).await;
        }
    }
}

async fn close(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::debug!(%error, "a connection to the read model did not close");
    }
}

/// The statement has `checkpoint` first among its tables: a rebuild's swap locks that first, too.
pub(super) async fn single_read_of_postgres<T: RowOf>(
    pool: &PgPool,
    query: Query,
    arguments: &[Argument<'_>],
) -> Result<SingleRead<T>, sqlx::Error> {
    Ok(SingleRead::of(bind(query_as(query.postgres), arguments).fetch_all(pool).await?))
}

impl<T> SingleRead<T> {
    fn of(rows: Vec<Row<T>>) -> Self {
        let (progress, rows) = rows.into_iter().map(|row| (row.progress, row.found)).unzip();
        Self { as_of: AsOf::of(progress), rows }
    }
}

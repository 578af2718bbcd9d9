//! A single read: one statement, which sees the tables as of one event without a transaction.

use std::io;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{
    AssertSqlSafe, ColumnIndex, ConnectOptions as _, Connection, Decode, Error, Executor as _,
    FromRow, Type, query_as,
};
use tokio::time::timeout;

use super::as_of::{AsOf, Progress};
use super::idle::Idle;
use super::reading::{Argument, Query, RowOf, bind};
use super::stale::Stale;

/// What one statement gave, and as of which event.
#[derive(Clone, Debug)]
pub struct SingleRead<T> {
    /// As of which event.
    pub as_of: AsOf,
    /// All rows.
    pub rows: Vec<T>,
}

/// A row of the statement, and how far a partition is where the row says so.
struct Row<T> {
    progress: Option<Progress>,
    found: T,
}

impl<'r, R, T> FromRow<'r, R> for Row<T>
where
    R: sqlx::Row,
    T: FromRow<'r, R>,
    Progress: FromRow<'r, R>,
    &'static str: ColumnIndex<R>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, Error> {
        let partition: Option<i64> = row.try_get("partition")?;
        let progress = partition.map(|_| Progress::from_row(row)).transpose()?;
        Ok(Self { progress, found: T::from_row(row)? })
    }
}

/// Of a statement that asks for nothing but how far the tables are.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoColumns;

impl<'r, R: sqlx::Row> FromRow<'r, R> for NoColumns {
    fn from_row(_: &'r R) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl<T> SingleRead<T> {
    fn of(rows: Vec<Row<T>>) -> Self {
        let (progress, rows): (Vec<_>, _) =
            rows.into_iter().map(|row| (row.progress, row.found)).unzip();
        Self { as_of: AsOf::of(progress.into_iter().flatten().collect()), rows }
    }
}

/// Connections to a file.
#[derive(Debug)]
pub(super) struct FileSingleReads {
    options: SqliteConnectOptions,
    connections: Idle<SqliteConnection>,
}

impl FileSingleReads {
    pub(super) fn new(options: SqliteConnectOptions, connections_max: usize) -> Self {
        Self { options, connections: Idle::new(connections_max) }
    }

    pub(super) async fn all<T: RowOf>(
        &self,
        query: Query,
        arguments: &[Argument<'_>],
    ) -> Result<SingleRead<T>, Error> {
        let _permit = self.connections.permit().await?;
        let mut connection = match self.connections.take() {
            Some(connection) => connection,
            None => Box::pin(self.options.connect()).await?,
        };
        let rows = bind(query_as(query.sqlite), arguments).fetch_all(&mut connection).await?;
        if let Some(connection) = self.connections.put(connection) {
            Box::pin(close(connection)).await;
        }
        Ok(SingleRead::of(rows))
    }

    pub(super) async fn close(&self) {
        for connection in self.connections.close() {
            close(connection).await;
        }
    }
}

/// Connections to a PostgreSQL, which keep the statements that they have prepared.
#[derive(Debug)]
pub(super) struct ServerSingleReads {
    options: PgConnectOptions,
    /// What each connection sets for itself.
    session: String,
    /// How long a read waits for a connection.
    acquire_max: Duration,
    stale: Stale,
    connections: Idle<ServerConnection>,
}

#[derive(Debug)]
struct ServerConnection {
    connection: PgConnection,
    made_at: Instant,
}

impl ServerSingleReads {
    pub(super) fn new(
        options: PgConnectOptions,
        session: String,
        acquire_max: Duration,
        stale: Stale,
        connections_max: usize,
    ) -> Self {
        Self { options, session, acquire_max, stale, connections: Idle::new(connections_max) }
    }

    /// The statement has `checkpoint` first among its tables: a rebuild's swap locks that first,
    /// too.
    pub(super) async fn all<T: RowOf>(
        &self,
        query: Query,
        arguments: &[Argument<'_>],
    ) -> Result<SingleRead<T>, Error> {
        let _permit = in_time(self.acquire_max, self.connections.permit()).await?;
        let mut connection = match self.idle() {
            Some(connection) => connection,
            None => in_time(self.acquire_max, Box::pin(self.connect())).await?,
        };
        let rows = bind(query_as(query.postgres), arguments);
        let rows = rows.fetch_all(&mut connection.connection).await?;
        if let Some(connection) = self.connections.put(connection) {
            Box::pin(close(connection.connection)).await;
        }
        Ok(SingleRead::of(rows))
    }

    /// One that isn't stale.
    fn idle(&self) -> Option<ServerConnection> {
        std::iter::from_fn(|| self.connections.take())
            .find(|connection| !self.stale.is_of(connection.made_at.elapsed()))
    }

    async fn connect(&self) -> Result<ServerConnection, Error> {
        let made_at = Instant::now();
        let mut connection = self.options.connect().await?;
        connection.execute(AssertSqlSafe(self.session.clone())).await?;
        Ok(ServerConnection { connection, made_at })
    }

    pub(super) async fn close(&self) {
        for connection in self.connections.close() {
            close(connection.connection).await;
        }
    }
}

async fn in_time<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let too_late = |_| Err(Error::Io(io::ErrorKind::TimedOut.into()));
    timeout(limit, answer).await.unwrap_or_else(too_late)
}

async fn close<C: Connection>(connection: C) {
    if let Err(error) = connection.close().await {
        tracing::debug!(%error, "a connection to the read model did not close");
    }
}

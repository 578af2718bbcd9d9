//! The state's database: a SQLite file, or a schema of its own on a PostgreSQL.
//!
//! One connection that writes is enough: a checkpoint stands for thousands of messages. Another one
//! reads, and waits for no lock of those who write. Nothing waits without a limit: neither for a
//! connection, nor for the database. Both databases run the same statements.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

use log_record::PackedPlace;
use postgres_connection::{PostgresUrl, PostgresUrlError, session};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{
    Arguments as _, AssertSqlSafe, ConnectOptions as _, Connection as _, Encode, Executor as _,
    FromRow, Postgres, Sqlite, Type, query_as_with, query_with,
};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use super::error::StateError;

static ON_SQLITE: LazyLock<Migrator> =
    LazyLock::new(|| sql_macros::migrations!("../migrations/publisher/sqlite"));

/// The schema on PostgreSQL.
const SCHEMA: &str = "guerdon_publisher";

/// How long a statement waits for another process's transaction, and a caller for the connection.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(2);

/// What SQLite's write-ahead file is cut to when it begins anew.
const WAL_BYTES_MAX: &str = "4194304";

/// How long the database may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Where the publisher's state is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A schema of its own in a PostgreSQL database.
    Postgres(Box<PostgresUrl>),
}

/// Creates the state's tables, or brings their schema up to date.
pub async fn migrate_state(url: &StateUrl) -> Result<(), StateError> {
    match url {
        StateUrl::Sqlite(file) => migrate_file(file).await,
        StateUrl::Postgres(at) => {
            postgres_connection::migrate(at, SCHEMA, on_postgres()).await.map_err(Into::into)
        }
    }
}

/// The migrations for PostgreSQL.
fn on_postgres() -> Migrator {
    sql_macros::migrations!("../migrations/publisher/postgres")
}

#[derive(Debug)]
pub(super) struct Database {
    pub(super) url: StateUrl,
    writing: Mutex<Slot>,
    reading: Mutex<Slot>,
}

/// A connection; `None` before the first use, and after a transaction that failed or was dropped.
type Slot = Option<AnyConnection>;

/// A transaction. Dropping it without a commit closes its connection and rolls it back.
pub(super) struct Transaction<'a> {
    url: &'a StateUrl,
    slot: MutexGuard<'a, Slot>,
    connection: AnyConnection,
}

#[derive(Debug)]
enum AnyConnection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// An argument of a statement.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Int(i64),
    /// As 0 or 1.
    Bool(bool),
    Place(PackedPlace),
    Text(&'a str),
    OptionText(Option<&'a str>),
    Bytes(Option<&'a [u8]>),
}

/// A type that can be read from the rows of both databases.
pub(super) trait AnyRow:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<R> AnyRow for R where
    R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl Database {
    /// Opens the state. A missing file is created. On PostgreSQL, which several processes share,
    /// the schema must exist.
    pub(super) async fn open(url: &StateUrl) -> Result<Self, StateError> {
        match url {
            StateUrl::Sqlite(file) => migrate_file(file).await?,
            StateUrl::Postgres(at) => {
                postgres_connection::check_schema(at, SCHEMA, &on_postgres()).await?;
            }
        }
        Ok(Self { url: url.clone(), writing: Mutex::default(), reading: Mutex::default() })
    }

    pub(super) async fn begin(&self) -> Result<Transaction<'_>, StateError> {
        let mut begun = self.transaction(&self.writing).await?;
        // SQLite's writer lock must be taken first: a transaction that began by reading could fail
        // when it writes.
        let begin = match begun.connection {
            AnyConnection::Sqlite(_) => "begin immediate",
            AnyConnection::Postgres(_) => "begin",
        };
        begun.run(begin, &[]).await?;
        Ok(begun)
    }

    /// Begins a transaction that only reads, all of it as of one moment.
    pub(super) async fn read(&self) -> Result<Transaction<'_>, StateError> {
        let mut begun = self.transaction(&self.reading).await?;
        let begin = match begun.connection {
            AnyConnection::Sqlite(_) => "begin",
            AnyConnection::Postgres(_) => {
                "begin transaction isolation level repeatable read, read only"
            }
        };
        begun.run(begin, &[]).await?;
        Ok(begun)
    }

    /// The rows that one statement gives.
    pub(super) async fn select<R: AnyRow>(
        &self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<R>, StateError> {
        let mut reading = self.read().await?;
        let rows = reading.all(statement, values).await?;
        reading.commit().await?;
        Ok(rows)
    }

    /// Runs one statement; returns the number of rows it changed.
    pub(super) async fn run(
        &self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<u64, StateError> {
        let mut writing = self.begin().await?;
        let changed = writing.run(statement, values).await?;
        writing.commit().await?;
        Ok(changed)
    }

    /// On a connection that no one else uses meanwhile.
    async fn transaction<'a>(
        &'a self,
        slot: &'a Mutex<Slot>,
    ) -> Result<Transaction<'a>, StateError> {
        let in_use = |_| StateError::InUse { at: self.url.to_string() };
        let mut slot = timeout(LOCK_WAIT_MAX, slot.lock()).await.map_err(in_use)?;
        let connection = match slot.take() {
            Some(connection) => connection,
            None => self.url.connect().await?,
        };
        Ok(Transaction { url: &self.url, slot, connection })
    }
}

impl Transaction<'_> {
    /// Runs a statement; returns the number of rows it changed.
    pub(super) async fn run(
        &mut self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<u64, StateError> {
        let done = match &mut self.connection {
            AnyConnection::Sqlite(connection) => {
                let done = async {
                    query_with(statement, arguments::<Sqlite>(values)?).execute(connection).await
                };
                in_time(done).await.map(|done| done.rows_affected())
            }
            AnyConnection::Postgres(connection) => {
                let done = async {
                    query_with(statement, arguments::<Postgres>(values)?).execute(connection).await
                };
                in_time(done).await.map(|done| done.rows_affected())
            }
        };
        done.map_err(|source| self.url.failed(source))
    }

    pub(super) async fn all<R: AnyRow>(
        &mut self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<R>, StateError> {
        let rows = match &mut self.connection {
            AnyConnection::Sqlite(connection) => {
                let rows = async {
                    let arguments = arguments::<Sqlite>(values)?;
                    query_as_with(statement, arguments).fetch_all(connection).await
                };
                in_time(rows).await
            }
            AnyConnection::Postgres(connection) => {
                let rows = async {
                    let arguments = arguments::<Postgres>(values)?;
                    query_as_with(statement, arguments).fetch_all(connection).await
                };
                in_time(rows).await
            }
        };
        rows.map_err(|source| self.url.failed(source))
    }

    /// Milliseconds since 1970, by the clock of the database's machine.
    pub(super) async fn now(&mut self) -> Result<i64, StateError> {
        let clock = match self.connection {
            AnyConnection::Sqlite(_) => "select cast(unixepoch('subsec') * 1000 as integer)",
            AnyConnection::Postgres(_) => {
                "select (extract(epoch from clock_timestamp()) * 1000)::bigint"
            }
        };
        let rows: Vec<(i64,)> = self.all(clock, &[]).await?;
        Ok(rows.first().map_or(0, |(now,)| *now))
    }

    pub(super) async fn commit(mut self) -> Result<(), StateError> {
        self.run("commit", &[]).await?;
        *self.slot = Some(self.connection);
        Ok(())
    }
}

/// An answer that comes too late is none.
async fn in_time<T>(
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let too_late = |_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into()));
    timeout(ANSWER_MAX, answer).await.unwrap_or_else(too_late)
}

/// The values as a database's driver takes them.
fn arguments<'q, DB>(values: &[Value<'q>]) -> Result<DB::Arguments, sqlx::Error>
where
    DB: sqlx::Database,
    i64: Encode<'q, DB> + Type<DB>,
    &'q str: Encode<'q, DB> + Type<DB>,
    Option<&'q str>: Encode<'q, DB> + Type<DB>,
    Option<&'q [u8]>: Encode<'q, DB> + Type<DB>,
{
    let mut arguments = DB::Arguments::default();
    for value in values {
        let added = match *value {
            Value::Int(value) => arguments.add(value),
            Value::Bool(value) => arguments.add(i64::from(value)),
            Value::Place(value) => arguments.add(value.as_i64()),
            Value::Text(value) => arguments.add(value),
            Value::OptionText(value) => arguments.add(value),
            Value::Bytes(value) => arguments.add(value),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

impl StateUrl {
    async fn connect(&self) -> Result<AnyConnection, StateError> {
        match self {
            Self::Sqlite(file) => {
                let connected = in_time(options(file).connect()).await;
                connected.map(AnyConnection::Sqlite).map_err(|source| self.failed(source))
            }
            Self::Postgres(url) => self.connect_to_primary(url).await,
        }
    }

    /// Connects to that one of the URL's servers which takes writes.
    async fn connect_to_primary(&self, url: &PostgresUrl) -> Result<AnyConnection, StateError> {
        let mut refused = sqlx::Error::PoolClosed;
        for options in url.options() {
            let connecting = async {
                let mut connection = options.connect().await?;
                let session = format!("{}; set search_path to {SCHEMA}", session(&[]));
                connection.execute(AssertSqlSafe(session)).await?;
                Ok(connection)
            };
            match in_time(connecting).await {
                Err(error) => refused = error,
                Ok(mut connection) => {
                    let is_standby = sqlx::query_scalar("select pg_is_in_recovery()");
                    match in_time(is_standby.fetch_one(&mut connection)).await {
                        Ok(false) => return Ok(AnyConnection::Postgres(connection)),
                        Ok(true) => {}
                        Err(error) => refused = error,
                    }
                }
            }
        }
        Err(self.failed(refused))
    }

    fn failed(&self, source: sqlx::Error) -> StateError {
        StateError::Database { at: self.to_string(), source: Box::new(source) }
    }
}

/// Parses `sqlite:PATH` or a PostgreSQL URL.
impl FromStr for StateUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if PostgresUrl::is_meant(text) {
            let url = text.parse().map_err(|error: PostgresUrlError| error.to_string())?;
            return Ok(Self::Postgres(Box::new(url)));
        }
        match text.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            _ => Err("the publisher's state is sqlite:PATH or \
                      postgres://USER:PASSWORD@HOST:PORT/DATABASE"
                .into()),
        }
    }
}

/// Shows the URL without its password.
impl fmt::Display for StateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => write!(f, "{}", file.display()),
            Self::Postgres(url) => write!(f, "{url}"),
        }
    }
}

/// Every commit is synced: the offset of a parked message is committed to Kafka right after it.
pub(super) fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("journal_size_limit", WAL_BYTES_MAX)
        // What is deleted is overwritten.
        .pragma("secure_delete", "on")
        .busy_timeout(LOCK_WAIT_MAX)
}

async fn migrate_file(file: &Path) -> Result<(), StateError> {
    let at = || file.display().to_string();
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|source| StateError::Database { at: at(), source: Box::new(source) })?;
    }
    let url = StateUrl::Sqlite(file.into());
    let mut connection = options(file)
        .create_if_missing(true)
        .connect()
        .await
        .map_err(|source| url.failed(source))?;
    ON_SQLITE.run(&mut connection).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => StateError::NewerSchema { at: at(), version },
        other => StateError::Database { at: at(), source: Box::new(other) },
    })?;
    connection.close().await.map_err(|source| url.failed(source))
}

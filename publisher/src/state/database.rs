//! The state's database: a SQLite file, or a schema of its own on a PostgreSQL.
//!
//! One connection serves all: what is written are checkpoints of thousands of messages. Both
//! databases understand the same statements.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

use postgres_connection::{PostgresUrl, PostgresUrlError};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::query::QueryAs;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, Encode, FromRow, Type, query_as};
use tokio::sync::{Mutex, MutexGuard};

use super::StateError;

static ON_SQLITE: LazyLock<Migrator> =
    LazyLock::new(|| sql_macros::migrations!("../migrations/publisher/sqlite"));

/// The schema on PostgreSQL.
const SCHEMA: &str = "guerdon_publisher";

/// How long a file may be held by somebody else's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the publisher keeps what it has to remember.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A schema of its own in a PostgreSQL database.
    Postgres(Box<PostgresUrl>),
}

/// Makes the state's tables where there are none, and brings their schema up to date.
pub async fn migrate_state(url: &StateUrl) -> Result<(), StateError> {
    match url {
        StateUrl::Sqlite(file) => migrate_file(file).await,
        StateUrl::Postgres(at) => {
            postgres_connection::migrate(at, SCHEMA, on_postgres()).await.map_err(Into::into)
        }
    }
}

/// Made anew for each schema.
fn on_postgres() -> Migrator {
    sql_macros::migrations!("../migrations/publisher/postgres")
}

#[derive(Debug)]
pub(super) struct Database {
    pub(super) url: StateUrl,
    /// None until it is needed, and after a use that failed or was broken off.
    connection: Mutex<Option<AnyConnection>>,
}

/// A transaction. Unless it is committed, it is as if it had not been.
pub(super) struct Transaction<'a> {
    url: &'a StateUrl,
    slot: MutexGuard<'a, Option<AnyConnection>>,
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
    Text(&'a str),
    OptionText(Option<&'a str>),
    Bytes(Option<&'a [u8]>),
}

/// What either database's rows can be read as.
pub(super) trait AnyRow:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<R> AnyRow for R where
    R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl Database {
    /// A file is made where there is none; a PostgreSQL's schema has to be there, for several
    /// processes stand on it.
    pub(super) async fn open(url: &StateUrl) -> Result<Self, StateError> {
        match url {
            StateUrl::Sqlite(file) => migrate_file(file).await?,
            StateUrl::Postgres(at) => {
                postgres_connection::check_schema(at, SCHEMA, &on_postgres()).await?;
            }
        }
        Ok(Self { url: url.clone(), connection: Mutex::default() })
    }

    pub(super) async fn begin(&self) -> Result<Transaction<'_>, StateError> {
        let mut slot = self.connection.lock().await;
        let connection = match slot.take() {
            Some(connection) => connection,
            None => self.url.connect().await?,
        };
        let mut begun = Transaction { url: &self.url, slot, connection };
        // A file's writer lock is taken first, or a transaction that has read could not write.
        let begin = match begun.connection {
            AnyConnection::Sqlite(_) => "begin immediate",
            AnyConnection::Postgres(_) => "begin",
        };
        begun.run(begin, &[]).await?;
        Ok(begun)
    }
}

impl Transaction<'_> {
    /// How many rows it touched.
    pub(super) async fn run(
        &mut self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<u64, StateError> {
        let done = match &mut self.connection {
            AnyConnection::Sqlite(connection) => {
                let query =
                    values.iter().fold(sqlx::query(statement), |query, value| match *value {
                        Value::Int(value) => query.bind(value),
                        Value::Text(value) => query.bind(value),
                        Value::OptionText(value) => query.bind(value),
                        Value::Bytes(value) => query.bind(value),
                    });
                query.execute(connection).await.map(|done| done.rows_affected())
            }
            AnyConnection::Postgres(connection) => {
                let query =
                    values.iter().fold(sqlx::query(statement), |query, value| match *value {
                        Value::Int(value) => query.bind(value),
                        Value::Text(value) => query.bind(value),
                        Value::OptionText(value) => query.bind(value),
                        Value::Bytes(value) => query.bind(value),
                    });
                query.execute(connection).await.map(|done| done.rows_affected())
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
                bind(query_as(statement), values).fetch_all(connection).await
            }
            AnyConnection::Postgres(connection) => {
                bind(query_as(statement), values).fetch_all(connection).await
            }
        };
        rows.map_err(|source| self.url.failed(source))
    }

    /// Milliseconds since 1970, by the clock of whoever keeps the database.
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

fn bind<'q, DB, R>(
    query: QueryAs<'q, DB, R, DB::Arguments>,
    values: &[Value<'q>],
) -> QueryAs<'q, DB, R, DB::Arguments>
where
    DB: sqlx::Database,
    i64: Encode<'q, DB> + Type<DB>,
    &'q str: Encode<'q, DB> + Type<DB>,
    Option<&'q str>: Encode<'q, DB> + Type<DB>,
    Option<&'q [u8]>: Encode<'q, DB> + Type<DB>,
{
    values.iter().fold(query, |query, value| match *value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::OptionText(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
    })
}

impl StateUrl {
    async fn connect(&self) -> Result<AnyConnection, StateError> {
        match self {
            Self::Sqlite(file) => {
                let connected = options(file).connect().await;
                connected.map(AnyConnection::Sqlite).map_err(|source| self.failed(source))
            }
            Self::Postgres(url) => self.connect_to_primary(url).await,
        }
    }

    /// The one of the URL's servers that takes writes.
    async fn connect_to_primary(&self, url: &PostgresUrl) -> Result<AnyConnection, StateError> {
        let mut refused = sqlx::Error::PoolClosed;
        for options in url.options() {
            let options = options.options([("search_path", SCHEMA)]);
            match options.connect().await {
                Err(error) => refused = error,
                Ok(mut connection) => {
                    let is_standby = sqlx::query_scalar("select pg_is_in_recovery()");
                    match is_standby.fetch_one(&mut connection).await {
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

/// `sqlite:PATH`, or a PostgreSQL's URL.
impl FromStr for StateUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if PostgresUrl::is_meant(text) {
            let url = text.parse().map_err(|error: PostgresUrlError| error.to_string())?;
            return Ok(Self::Postgres(Box::new(url)));
        }
        match text.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            _ => Err(format!("the publisher's state is sqlite:PATH or postgres://…, not {text:?}")),
        }
    }
}

/// Without the password.
impl fmt::Display for StateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => write!(f, "{}", file.display()),
            Self::Postgres(url) => write!(f, "{url}"),
        }
    }
}

/// Synced at every commit: the offset of a message that was parked is committed right after.
fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
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

//! The schema of the read tables, and how a SQLite file with them is opened.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use postgres_connection::{PostgresError, PostgresUrl};
use sqlx::ConnectOptions;
use sqlx::Connection as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use crate::{ReadModelError, ReadModelUrl, Side};

static ON_SQLITE: LazyLock<Migrator> =
    LazyLock::new(|| sql_macros::migrations!("../migrations/read-model/sqlite"));

/// How long a connection waits for another's transaction: a rebuild's pouring takes longest.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// How the file is opened. It isn't synced at every commit: what a power failure takes is projected
/// again from the log, and the checkpoint goes back with it.
pub(crate) fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_TIMEOUT)
}

/// Brings the live tables' schema up to date, and makes it where there is none.
pub async fn migrate(url: &ReadModelUrl) -> Result<(), ReadModelError> {
    migrate_side(url, Side::Live).await
}

/// The same, for the live tables or for those of a rebuild.
pub async fn migrate_side(url: &ReadModelUrl, side: Side) -> Result<(), ReadModelError> {
    match url {
        ReadModelUrl::Sqlite(file) => migrate_file(&side.file(file)).await,
        ReadModelUrl::Postgres(url) => {
            Ok(postgres_connection::migrate(url, side.schema(), on_postgres()).await?)
        }
    }
}

/// The statements that make the tables in an empty SQLite database.
pub fn sqlite_schema() -> impl Iterator<Item = &'static str> {
    ON_SQLITE.iter().map(|migration| migration.sql.as_str())
}

/// Whether the live tables on PostgreSQL have the schema that this build was made for.
pub async fn check(url: &PostgresUrl) -> Result<(), PostgresError> {
    postgres_connection::check_schema(url, Side::Live.schema(), &on_postgres()).await
}

/// Made anew for each schema.
fn on_postgres() -> Migrator {
    sql_macros::migrations!("../migrations/read-model/postgres")
}

async fn migrate_file(file: &Path) -> Result<(), ReadModelError> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(|source| ReadModelError::Io {
            doing: "make the folder",
            file: folder.into(),
            source,
        })?;
    }
    let mut connection = options(file)
        .create_if_missing(true)
        .connect()
        .await
        .map_err(|error| failed("open", file, error))?;
    ON_SQLITE.run(&mut connection).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => {
            ReadModelError::NewerSchema { file: file.into(), version }
        }
        other => failed("bring up to date", file, other),
    })?;
    connection.close().await.map_err(|error| failed("close", file, error))
}

pub(crate) fn failed(
    doing: &'static str,
    file: &Path,
    source: impl std::error::Error + Send + Sync + 'static,
) -> ReadModelError {
    ReadModelError::database(doing, &ReadModelUrl::Sqlite(file.into()), source)
}

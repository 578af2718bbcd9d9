//! The read model's schema, and how its file is opened.

use std::path::Path;
use std::time::Duration;

use postgres_connection::{PostgresError, PostgresUrl};
use rusqlite::Connection;
use sqlx::ConnectOptions;
use sqlx::Connection as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use crate::write::Side;
use crate::{ProjectError, ReadModelUrl};

static ON_SQLITE: Migrator = sqlx::migrate!("../migrations/read-model/sqlite");

/// How long a connection waits for another's transaction: a rebuild's pouring takes longest.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Frames in the write-ahead file before they are moved into the file: 40 MB at 4 KiB, so that the
/// move is rare, and a page that many batches touch is moved once.
const CHECKPOINT_FRAMES: u32 = 10_000;

/// The writing connection's page cache, as SQLite wants it said: 64 MB, the indexes' upper pages of
/// tens of millions of rows. With the default of 2 MB, much of the time went into reading pages.
const CACHE_KIBIBYTES: i32 = -65_536;

/// How the file is opened. It isn't synced at every commit: what a power failure takes is projected
/// again from the log, and the checkpoint goes back with it.
pub(crate) fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_TIMEOUT)
}

/// Makes the read tables where there are none, and brings their schema up to date.
pub(crate) async fn migrate(url: &ReadModelUrl, side: Side) -> Result<(), ProjectError> {
    match url {
        ReadModelUrl::Sqlite(file) => migrate_file(&side.file(file)).await,
        ReadModelUrl::Postgres(url) => {
            Ok(postgres_connection::migrate(url, side.schema(), on_postgres()).await?)
        }
    }
}

/// Whether the live tables on PostgreSQL have the schema that this build was made for.
pub(crate) async fn check(url: &PostgresUrl) -> Result<(), PostgresError> {
    postgres_connection::check_schema(url, Side::Live.schema(), &on_postgres()).await
}

/// Made anew for each schema.
fn on_postgres() -> Migrator {
    sqlx::migrate!("../migrations/read-model/postgres")
}

async fn migrate_file(file: &Path) -> Result<(), ProjectError> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(|source| ProjectError::Io {
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
            ProjectError::NewerSchema { file: file.into(), version }
        }
        other => failed("bring up to date", file, other),
    })?;
    connection.close().await.map_err(|error| failed("close", file, error))
}

/// A connection that writes, with its statements prepared once: five times as fast as through the
/// pool, which hops to a thread and back for each of them.
pub(crate) fn connect(file: &Path) -> Result<Connection, ProjectError> {
    let connect = || {
        let connection = Connection::open(file)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.pragma_update(None, "cache_size", CACHE_KIBIBYTES)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_FRAMES)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok::<_, rusqlite::Error>(connection)
    };
    connect().map_err(|error| failed("open", file, error))
}

pub(crate) fn failed(
    doing: &'static str,
    file: &Path,
    source: impl std::error::Error + Send + Sync + 'static,
) -> ProjectError {
    let at = ReadModelUrl::Sqlite(file.into());
    ProjectError::Database { doing, at, source: Box::new(source) }
}

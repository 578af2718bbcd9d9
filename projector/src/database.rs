//! The read model's file and its schema.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection};

use crate::ProjectError;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/read-model/sqlite");

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

/// A connection to the file with its schema up to date; both are made where they are not there.
pub(crate) async fn open(file: &Path) -> Result<SqliteConnection, ProjectError> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(|source| ProjectError::Io {
            doing: "make the folder",
            file: folder.into(),
            source,
        })?;
    }
    let mut connection = connect(file).await?;
    MIGRATIONS.run(&mut connection).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => {
            ProjectError::NewerSchema { file: file.into(), version }
        }
        MigrateError::Execute(source) => failed("bring up to date", file)(source),
        other => failed("bring up to date", file)(sqlx::Error::Migrate(Box::new(other))),
    })?;
    Ok(connection)
}

/// A further connection to a file that is open.
pub(crate) async fn connect(file: &Path) -> Result<SqliteConnection, ProjectError> {
    options(file).create_if_missing(true).connect().await.map_err(failed("open", file))
}

pub(crate) fn failed(
    doing: &'static str,
    file: &Path,
) -> impl Fn(sqlx::Error) -> ProjectError + use<> {
    let file = PathBuf::from(file);
    move |source| ProjectError::Database { doing, file: file.clone(), source }
}

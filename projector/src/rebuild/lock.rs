//! One rebuild of a read model at a time, and one reconciliation: two would write to the same
//! tables beside the live ones.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use event_store::Owner;
use postgres_connection::{Connection, PostgresUrl};
use read_model::{ReadModelError, ReadModelUrl, Side};

use crate::ProjectError;

/// What the lock in PostgreSQL is known by; it counts in one database.
const fn key_of(side: Side) -> i64 {
    i64::from_be_bytes(match side {
        Side::Live | Side::Rebuilt => *b"guerdon1",
        Side::Shadow => *b"guerdon2",
    })
}

/// Held for as long as the tables of a side are made. The operating system or the server lets go of
/// it when the process ends, however it ends.
pub(crate) enum RebuildLock {
    File { _file: File },
    Connection { _connection: Connection },
}

impl RebuildLock {
    pub(crate) async fn take(url: &ReadModelUrl, side: Side) -> Result<Self, ProjectError> {
        let taken = match url {
            ReadModelUrl::Sqlite(file) => lock_file(file, side)?,
            ReadModelUrl::Postgres(url) => lock_database(url, key_of(side)).await?,
        };
        taken.ok_or_else(|| match side {
            Side::Live | Side::Rebuilt => ProjectError::BeingRebuilt { at: url.clone() },
            Side::Shadow => ProjectError::BeingReconciled { at: url.clone() },
        })
    }
}

fn lock_file(live: &Path, side: Side) -> Result<Option<RebuildLock>, ReadModelError> {
    let mut path = side.file(live).into_os_string();
    path.push(".lock");
    let path = PathBuf::from(path);
    let io = |doing, source| ReadModelError::Io { doing, file: path.clone(), source };
    let make = || {
        let file = File::create(&path)?;
        Owner::of(live)?.own(&file)?;
        Ok(file)
    };
    let file = make().map_err(|source| io("open", source))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(RebuildLock::File { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(io("lock", source)),
    }
}

async fn lock_database(url: &PostgresUrl, key: i64) -> Result<Option<RebuildLock>, ReadModelError> {
    let connection = url.connect().await?;
    let locked = connection.client.query_one("select pg_try_advisory_lock($1)", &[&key]).await;
    let locked = locked.and_then(|row| row.try_get(0)).map_err(|error| {
        let at = ReadModelUrl::Postgres(url.clone().into());
        ReadModelError::database("lock", &at, error)
    })?;
    Ok(if locked { Some(RebuildLock::Connection { _connection: connection }) } else { None })
}

//! Opening a log's file: the lock, the schema, and which log it holds.

use std::path::Path;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use log_record::{LogFormat, LogId};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row};
use sqlx::ConnectOptions;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use uuid::Uuid;

use super::lock::{self, WriterLock};
use super::rows::failed;
use crate::{ImportState, NewLog, StoreError};

static MIGRATIONS: LazyLock<Migrator> =
    LazyLock::new(|| sql_macros::migrations!("../migrations/log/sqlite"));

/// How long a connection waits for another process's lock: a reader's moment at a checkpoint.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long until it is tried again to copy the write-ahead file, which another connection does.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// The file's page. An append writes whole pages: those that its events fill, and that at the
/// file's edge and the head's besides, so that larger pages write more, twice as much for ten
/// redemptions and a third for a hundred, and take no less of the processor. It counts when the
/// file is made.
pub(super) const PAGE_BYTES: u32 = 4_096;

/// What the write-ahead file is cut to when it begins anew, however large a long read has let it
/// grow: as large as it becomes without one.
const WAL_BYTES_MAX: u32 = 40 << 20;

const MAKE_LOG: &str =
    "insert into log (singleton, log_id, partitions, format, import_state) values (1, ?, ?, ?, ?)";

/// Whether there is a log, and whether its row has a format.
const HAS_FORMAT: &str =
    "select count(*), count(*) filter (where name = 'format') from pragma_table_info('log')";

/// An open log's file.
pub(super) struct Opened {
    pub(super) log_id: LogId,
    pub(super) partitions: u16,
    pub(super) writer: Option<Connection>,
    pub(super) lock: Option<WriterLock>,
}

/// Opens the file as its one writer, and makes the log where there is none; `is_import` says that
/// the log is to be filled with what was recorded before.
pub(super) async fn for_writing(
    file: &Path,
    new_log: NewLog,
    is_import: bool,
) -> Result<Opened, StoreError> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(|source| StoreError::Io {
            doing: "make the folder",
            file: folder.into(),
            source,
        })?;
    }
    let mut lock = WriterLock::acquire(file)?;
    if !file.exists()
        && let Some(log_id) = lock.log_id()?
    {
        return Err(gone(file, log_id));
    }
    if file.exists() {
        check_format(&reading_connection(file)?, file)?;
    }
    migrate(file).await?;
    let connection = writing_connection(file)?;
    let (log_id, partitions) = match which_log(&connection)? {
        Some(Known { log_id, partitions, import }) => {
            ImportState::check(import, is_import, file.display())?;
            check_lock(file, &mut lock, log_id)?;
            (log_id, partitions)
        }
        None => {
            make_log(&connection, file, &mut lock, new_log, is_import)?;
            (new_log.log_id, new_log.partitions)
        }
    };
    Ok(Opened { log_id, partitions, writer: Some(connection), lock: Some(lock) })
}

/// Opens a file that is there, to read.
pub(super) fn for_reading(file: &Path) -> Result<Opened, StoreError> {
    if !file.exists() {
        return Err(match lock::noted_log_id(file) {
            Some(log_id) => gone(file, log_id),
            None => StoreError::Missing { log: file.display().to_string() },
        });
    }
    let connection = reading_connection(file)?;
    check_format(&connection, file)?;
    check_schema(&connection, file)?;
    let Known { log_id, partitions, import } = which_log(&connection)?
        .ok_or_else(|| StoreError::Missing { log: file.display().to_string() })?;
    ImportState::check(import, false, file.display())?;
    Ok(Opened { log_id, partitions, writer: None, lock: None })
}

fn gone(file: &Path, log_id: LogId) -> StoreError {
    let what = format!("it is gone, but the lock beside it says that it held log {log_id}");
    StoreError::Corrupt { file: file.into(), what }
}

/// A connection that can't write.
pub(super) fn reading_connection(file: &Path) -> Result<Connection, StoreError> {
    // Without SQLite's own mutex, which every column of a row would take: one thread has it.
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)
        .map_err(|source| StoreError::Sqlite { doing: "open", source })?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(|source| failed(&connection, "open", source))?;
    Ok(connection)
}

/// A connection that writes beside the one that appends.
pub(super) fn connection_beside(file: &Path) -> Result<Connection, StoreError> {
    let connection =
        Connection::open(file).map_err(|source| StoreError::Sqlite { doing: "open", source })?;
    let prepare = || {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "secure_delete", "on")?;
        connection.pragma_update(None, "synchronous", "full")
    };
    prepare().map_err(|source| failed(&connection, "open", source))?;
    Ok(connection)
}

fn writing_connection(file: &Path) -> Result<Connection, StoreError> {
    let connection =
        Connection::open(file).map_err(|source| StoreError::Sqlite { doing: "open", source })?;
    let prepare = || {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        // What is deleted is overwritten: a text that is erased stays in no page.
        connection.pragma_update(None, "secure_delete", "on")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "journal_size_limit", WAL_BYTES_MAX)?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)
    };
    prepare().map_err(|source| failed(&connection, "open", source))?;
    copy_all(&connection, file)?;
    Ok(connection)
}

/// What a former process left in the write-ahead file may be in the page cache only, if a sync of
/// its failed: copied into the log's file and synced, it is on the disk.
fn copy_all(connection: &Connection, file: &Path) -> Result<(), StoreError> {
    let until = Instant::now() + BUSY_TIMEOUT;
    loop {
        let copied = connection
            .query_row("pragma wal_checkpoint(truncate)", (), copied_of_row)
            .map_err(|source| failed(connection, "open", source))?;
        match copied {
            Copied::All => return Ok(()),
            Copied::NotAll => return Err(StoreError::NotCopied { file: file.into() }),
            // For that lock, SQLite doesn't wait.
            Copied::Locked if Instant::now() < until => thread::sleep(ASK_AGAIN_AFTER),
            Copied::Locked => return Err(StoreError::Locked { doing: "open", file: file.into() }),
        }
    }
}

/// How far a checkpoint came.
enum Copied {
    All,
    /// A reader needs the log's file as it is.
    NotAll,
    /// Another connection was copying.
    Locked,
}

/// Readers may still use the copied pages, so that the write-ahead file isn't truncated; then a
/// checkpoint counts as busy, and is done all the same.
fn copied_of_row(row: &Row<'_>) -> rusqlite::Result<Copied> {
    let (is_busy, written, copied): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    Ok(if is_busy && written < 0 {
        Copied::Locked
    } else if is_busy && copied < written {
        Copied::NotAll
    } else {
        Copied::All
    })
}

async fn migrate(file: &Path) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .page_size(PAGE_BYTES)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT);
    let failed = |source: MigrateError| match source {
        MigrateError::VersionMissing(version) => StoreError::Schema {
            file: file.into(),
            what: format!("migration {version} was made by a newer build; run that one"),
        },
        MigrateError::Execute(error) if is_damage(&error) => {
            StoreError::Corrupt { file: file.into(), what: error.to_string() }
        }
        source => StoreError::Migrate { file: file.into(), source: Box::new(source) },
    };
    let mut connection =
        options.connect().await.map_err(|error| failed(MigrateError::Execute(error)))?;
    MIGRATIONS.run(&mut connection).await.map_err(failed)?;
    sqlx::Connection::close(connection).await.map_err(|error| failed(MigrateError::Execute(error)))
}

/// Refuses a log of another format before anything else is asked of it.
fn check_format(connection: &Connection, file: &Path) -> Result<(), StoreError> {
    let read = || {
        let (columns, has_format): (u32, bool) =
            connection.query_row(HAS_FORMAT, (), |row| Ok((row.get(0)?, row.get(1)?)))?;
        if columns == 0 || !has_format {
            return Ok((columns > 0).then_some(LogFormat::UNNUMBERED));
        }
        connection
            .query_row("select format from log", (), |row| row.get(0).map(LogFormat))
            .optional()
    };
    match read().map_err(|source| failed(connection, "open", source))? {
        Some(format) => Ok(format.check(format_args!("the log {}", file.display()))?),
        None => Ok(()),
    }
}

fn is_damage(error: &sqlx::Error) -> bool {
    const SQLITE_CORRUPT: &str = "11";
    const SQLITE_NOTADB: &str = "26";
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
}

fn check_schema(connection: &Connection, file: &Path) -> Result<(), StoreError> {
    let found: Option<i64> = connection
        .query_row("select max(version) from _sqlx_migrations", (), |row| row.get(0))
        .map_err(|source| failed(connection, "open", source))?;
    let known = MIGRATIONS.iter().map(|migration| migration.version).max();
    if found == known {
        return Ok(());
    }
    let what = format!("it is at migration {found:?}, this build at {known:?}; run the same build");
    Err(StoreError::Schema { file: file.into(), what })
}

/// The lock beside the log must not speak of another one.
fn check_lock(file: &Path, lock: &mut WriterLock, log_id: LogId) -> Result<(), StoreError> {
    match lock.log_id()? {
        None => lock.note_log_id(log_id),
        Some(noted) if noted == log_id => Ok(()),
        Some(noted) => Err(StoreError::Corrupt {
            file: file.into(),
            what: format!(
                "it holds log {log_id}, but the lock beside it says that it held {noted}; if it \
                 was replaced on purpose, remove the file with .lock at the end of its name"
            ),
        }),
    }
}

/// What the log's row says.
struct Known {
    log_id: LogId,
    partitions: u16,
    import: Option<ImportState>,
}

fn which_log(connection: &Connection) -> Result<Option<Known>, StoreError> {
    connection
        .query_row("select log_id, partitions, import_state from log", (), |row| {
            let import: Option<String> = row.get(2)?;
            Ok(Known {
                log_id: LogId(Uuid::from_bytes(row.get(0)?)),
                partitions: row.get(1)?,
                import: ImportState::of_column(import.as_deref()),
            })
        })
        .optional()
        .map_err(|source| failed(connection, "open", source))
}

fn make_log(
    connection: &Connection,
    file: &Path,
    lock: &mut WriterLock,
    new_log: NewLog,
    is_import: bool,
) -> Result<(), StoreError> {
    if let Some(log_id) = lock.log_id()? {
        let what = format!("it is empty, but the lock beside it says that it held log {log_id}");
        return Err(StoreError::Corrupt { file: file.into(), what });
    }
    let NewLog { log_id, partitions } = new_log;
    let make = || {
        let transaction = connection.unchecked_transaction()?;
        let (format, import) = (LogFormat::CURRENT.0, is_import.then_some(ImportState::Unfinished));
        let import = import.map(ImportState::as_str);
        transaction.execute(MAKE_LOG, (log_id.0.as_bytes(), partitions, format, import))?;
        if !is_import {
            transaction
                .execute("insert into code_key (singleton, key) values (1, randomblob(32))", ())?;
        }
        for partition in 0..partitions {
            transaction.execute(
                "insert into partition_head (partition, position, epoch, generation) \
                 values (?, 0, 0, 1)",
                (partition,),
            )?;
        }
        transaction.commit()
    };
    make().map_err(|source| failed(connection, "open", source))?;
    lock.note_log_id(log_id)
}

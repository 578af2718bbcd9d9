//! The file of a rebuild while nobody reads it.
//!
//! If its process or the machine dies, the next rebuild throws it away. So it is written without a
//! write-ahead file and without waiting for the disk, and it has no index that only readers need:
//! those are made at the end, of sorted rows, which takes a fraction of the time. Then it becomes a
//! file like the live one, and all of it is on disk before it can get that one's name.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use read_model::{ReadModelError, sqlite_schema};
use rusqlite::Connection;
use tokio::task::spawn_blocking;

use super::failed;
use super::tables_file::{CACHE_KIBIBYTES, connect_to_write};
use crate::write::WriteError;

/// The page cache, in SQLite's notation: 256 MB. Rows of a million accounts change at random.
const DRAFT_CACHE_KIBIBYTES: i32 = 4 * CACHE_KIBIBYTES;

/// The indexes by which an erasure finds its rows; it makes them where they are missing.
const ERASING: [&str; 4] =
    ["exchange_of_account", "fact_has_private", "operation_of_account", "purchase_of_account"];

/// Without those that a table has by itself. (`like` doesn't tell capitals from small letters.)
const INDEXES: &str = "select name, sql, sql like 'create unique %' from sqlite_schema \
                       where type = 'index' and sql is not null";

/// Makes a draft of a file that has the schema and nothing else.
pub(crate) async fn begin_draft(file: &Path) -> Result<(), ReadModelError> {
    on_thread("prepare", file, |file| {
        let connection = connect_to_write(&file)?;
        connection.pragma_update(None, "journal_mode", "delete")?;
        for Index { name, is_unique, .. } in indexes(&connection)? {
            if !is_unique {
                connection.execute_batch(&format!("drop index {name}"))?;
            }
        }
        Ok(())
    })
    .await
}

/// Makes a draft, to which nobody has a connection, a file like the live one.
pub(crate) async fn finish_draft(file: &Path) -> Result<(), ReadModelError> {
    on_thread("make the indexes of", file, |file| {
        let connection = connect_to_write(&file)?;
        if is_draft(&connection)? {
            prepare(&connection)?;
        }
        make_missing_indexes(&connection, |_| true)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        if is_draft(&connection)? {
            return Err(WriteError::Failed("another process reads it".into()));
        }
        drop(connection);
        let written = File::open(&file).and_then(|file| file.sync_all());
        written.map_err(|error| WriteError::Failed(error.into()))
    })
    .await
}

/// Whether a file is a draft: only they have no write-ahead file.
pub(super) fn is_draft(connection: &Connection) -> rusqlite::Result<bool> {
    let mode: String = connection.query_row("pragma journal_mode", (), |row| row.get(0))?;
    Ok(mode != "wal")
}

/// Prepares a connection to a draft, the only one while it is open. A transaction that fails can
/// still be undone: memory has each page that it changes as it was before.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    connection.pragma_update(None, "journal_mode", "memory")?;
    connection.pragma_update(None, "synchronous", "off")?;
    connection.pragma_update(None, "cache_size", DRAFT_CACHE_KIBIBYTES)
}

/// Makes what an erasure needs, where it isn't there.
pub(super) fn prepare_to_erase(connection: &Connection) -> rusqlite::Result<()> {
    make_missing_indexes(connection, |name| ERASING.contains(&name))
}

struct Index {
    name: String,
    sql: String,
    is_unique: bool,
}

fn make_missing_indexes(
    connection: &Connection,
    is_wanted: impl Fn(&str) -> bool,
) -> rusqlite::Result<()> {
    let there: BTreeSet<String> =
        indexes(connection)?.into_iter().map(|index| index.name).collect();
    let of_schema = Connection::open_in_memory()?;
    for statements in sqlite_schema() {
        of_schema.execute_batch(statements)?;
    }
    for Index { name, sql, .. } in indexes(&of_schema)? {
        if is_wanted(&name) && !there.contains(&name) {
            connection.execute_batch(&sql)?;
        }
    }
    Ok(())
}

fn indexes(connection: &Connection) -> rusqlite::Result<Vec<Index>> {
    let mut select = connection.prepare(INDEXES)?;
    let found = select.query_map((), |row| {
        Ok(Index { name: row.get(0)?, sql: row.get(1)?, is_unique: row.get(2)? })
    })?;
    found.collect()
}

/// On a thread that may wait.
async fn on_thread(
    doing: &'static str,
    file: &Path,
    job: impl FnOnce(PathBuf) -> Result<(), WriteError> + Send + 'static,
) -> Result<(), ReadModelError> {
    let of = file.to_path_buf();
    let done = spawn_blocking(move || job(of)).await;
    let done = done.map_err(|error| WriteError::Failed(error.into())).and_then(|done| done);
    done.map_err(|error| failed(doing, file, error))
}

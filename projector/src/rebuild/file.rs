//! On SQLite the new rows are made in a file of their own and poured into the live tables in one
//! transaction.

use std::path::{Path, PathBuf};

use read_model::{ReadModelError, Side, TABLES};
use rusqlite::{Connection, TransactionBehavior};

use super::Swap;
use crate::write::{connect, failed};

const ARE_AHEAD: &str = include_str!("../sql/sqlite/are_live_tables_ahead.sql");

/// It waits for the disk, in a program that does nothing else meanwhile.
pub(super) fn swap(file: &Path) -> Result<Swap, ReadModelError> {
    let mut live = connect(file)?;
    let beside = Side::Rebuilt.file(file);
    live.execute("attach ?1 as rebuilt", (beside.to_string_lossy(),))
        .map_err(|error| failed("attach to", file, error))?;
    pour(&mut live).map_err(|error| failed("pour into", file, error))
}

/// Replaces every live row.
fn pour(live: &mut Connection) -> rusqlite::Result<Swap> {
    let transaction = live.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if transaction.query_row(ARE_AHEAD, (), |row| row.get(0))? {
        return Ok(Swap::Behind);
    }
    for table in TABLES {
        let (name, columns) = (table.name, table.column_list());
        transaction.execute_batch(&format!(
            "delete from main.{name}; \
             insert into main.{name} ({columns}) select {columns} from rebuilt.{name}"
        ))?;
    }
    transaction.commit()?;
    Ok(Swap::Done)
}

pub(super) fn discard(file: &Path) -> Result<(), ReadModelError> {
    let beside = Side::Rebuilt.file(file);
    for suffix in ["", "-wal", "-shm"] {
        let mut name = beside.clone().into_os_string();
        name.push(suffix);
        let file = PathBuf::from(name);
        match std::fs::remove_file(&file) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(ReadModelError::Io { doing: "remove", file, source });
            }
            _ => {}
        }
    }
    Ok(())
}

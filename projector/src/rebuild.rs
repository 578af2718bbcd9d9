//! All read tables anew from the log's first event, beside the live ones, then swapped.
//!
//! The new rows are made in a file of their own and poured into the live tables in one transaction:
//! readers see the old rows or the new ones. The live projector, in this process or another, finds
//! its checkpoint moved and goes on from there. Nothing is published by it.

use std::path::{Path, PathBuf};

use event_store::EventStore;
use rusqlite::{Connection, TransactionBehavior};

use crate::database::{self, connect, failed};
use crate::dump::TABLES;
use crate::{ProjectError, Projector};

/// Rebuilds the read model in `file`, whether or not a projector is at work on it.
pub async fn rebuild(file: &Path, store: &EventStore) -> Result<(), ProjectError> {
    database::migrate(file).await?;
    let beside = with_suffix(file, ".rebuild");
    // What a rebuild left that was killed is of no use.
    remove(&beside)?;
    let mut projector = Projector::open(&beside, store.clone()).await?;
    let mut live = connect(file)?;
    let attach = "attach ?1 as rebuilt";
    live.execute(attach, (beside.to_string_lossy(),))
        .map_err(|error| failed("attach to", file, error))?;
    loop {
        projector.catch_up().await?;
        // It waits for the disk, in a program that does nothing else meanwhile.
        if pour(&mut live).map_err(|error| failed("pour into", file, error))? {
            break;
        }
    }
    drop((live, projector));
    remove(&beside)
}

/// Replaces every live row; false where the live tables are further than the new ones.
fn pour(live: &mut Connection) -> rusqlite::Result<bool> {
    const BEHIND: &str = include_str!("sql/count_partitions_behind.sql");
    let transaction = live.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let behind: i64 = transaction.query_row(BEHIND, (), |row| row.get(0))?;
    if behind > 0 {
        return Ok(false);
    }
    for (table, columns) in TABLES {
        transaction.execute_batch(&format!(
            "delete from main.{table}; \
             insert into main.{table} ({columns}) select {columns} from rebuilt.{table}"
        ))?;
    }
    transaction.commit()?;
    Ok(true)
}

fn remove(file: &Path) -> Result<(), ProjectError> {
    for suffix in ["", "-wal", "-shm"] {
        let file = with_suffix(file, suffix);
        match std::fs::remove_file(&file) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(ProjectError::Io { doing: "remove", file, source });
            }
            _ => {}
        }
    }
    Ok(())
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

//! All read tables anew from the log's first event, beside the live ones, then swapped.
//!
//! The new rows are made in a file of their own and poured into the live tables in one transaction:
//! readers see the old rows or the new ones. The live projector, in this process or another, finds
//! its checkpoint moved and goes on from there. Nothing is published by it.

use std::path::{Path, PathBuf};

use event_store::EventStore;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use crate::database::{self, failed};
use crate::dump::TABLES;
use crate::{ProjectError, Projector};

/// Rebuilds the read model in `file`, whether or not a projector is at work on it.
pub async fn rebuild(file: &Path, store: &EventStore) -> Result<(), ProjectError> {
    let mut live = database::open(file).await?;
    let beside = with_suffix(file, ".rebuild");
    // What a rebuild left that was killed is of no use.
    remove(&beside)?;
    let mut projector = Projector::open(&beside, store.clone()).await?;
    let attach = "attach ?1 as rebuilt";
    sqlx::query(attach)
        .bind(beside.to_string_lossy())
        .execute(&mut live)
        .await
        .map_err(failed("attach to", file))?;
    loop {
        projector.catch_up().await?;
        if pour(&mut live).await.map_err(failed("pour into", file))? {
            break;
        }
    }
    live.close().await.map_err(failed("close", file))?;
    projector.close().await?;
    remove(&beside)
}

/// Replaces every live row; false where the live tables are further than the new ones.
async fn pour(live: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    const BEHIND: &str = r#"
        select count(*) from main.checkpoint as live
        left join rebuilt.checkpoint as new on new."partition" = live."partition"
        where new.position is null or new.position < live.position"#;
    let mut transaction = live.begin_with("begin immediate").await?;
    let behind: i64 = sqlx::query_scalar(BEHIND).fetch_one(&mut *transaction).await?;
    if behind > 0 {
        transaction.rollback().await?;
        return Ok(false);
    }
    for (table, columns) in TABLES {
        let pour = format!(
            "delete from main.{table}; \
             insert into main.{table} ({columns}) select {columns} from rebuilt.{table}"
        );
        sqlx::raw_sql(AssertSqlSafe(pour)).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
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

//! Seeing to it that the read model's files don't have the bytes of what was erased in its rows.
//!
//! In a SQLite file, pages whose rows were moved keep copies of them where nothing is, also with
//! `secure_delete`: so the file is written anew (`vacuum`). Reads go on meanwhile, and projecting
//! waits.

use std::path::Path;
use std::time::{Duration, Instant};

use postgres_connection::{PostgresUrl, rewrite_table};
use read_model::{ReadModelError, ReadModelUrl, Side};

use crate::ProjectError;
use crate::rebuild::{RebuildLock, clear_up, discard_shadow, name_of};
use crate::write::{TablesFile, WriteError};

/// The tables that have what is private.
const TABLES: [&str; 3] = ["fact", "operation", "shipping_request"];

/// For how long it waits for others, and the pause between two tries.
const WAIT_MAX: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(100);

const DOING: &str = "write anew";

/// Writes the tables anew that have what is private, once the rows are erased. While another
/// process rebuilds the read model, that is an error.
pub async fn rewrite_erased(url: &ReadModelUrl) -> Result<(), ProjectError> {
    // What a rebuild makes has it, too: one that is under way may have read it before.
    let _lock = clear_up(url).await?;
    let failed =
        |source: Source| -> ProjectError { ReadModelError::database(DOING, url, source).into() };
    match url {
        ReadModelUrl::Sqlite(file) => {
            rewrite_file(file).await.map_err(|error| failed(error.into_source()))
        }
        ReadModelUrl::Postgres(postgres) => rewrite_tables(postgres).await.map_err(failed),
    }
}

/// Removes what a reconciliation left that was killed: it has the texts of before. One that is
/// under way must end first.
pub async fn remove_shadow(url: &ReadModelUrl) -> Result<(), ProjectError> {
    let url = match url {
        ReadModelUrl::Sqlite(file) => ReadModelUrl::Sqlite(name_of(file)?),
        ReadModelUrl::Postgres(_) => url.clone(),
    };
    let _lock = RebuildLock::take(&url, Side::Shadow).await?;
    Ok(discard_shadow(&url).await?)
}

type Source = Box<dyn std::error::Error + Send + Sync>;

async fn rewrite_file(file: &Path) -> Result<(), WriteError> {
    let mut tables = TablesFile::open(file).await?;
    let rewritten = tables.run(|open| {
        open.connection.execute_batch("vacuum")?;
        // What stood in the pages before is in the write-ahead file, too.
        let until = Instant::now() + WAIT_MAX;
        let empty = "pragma wal_checkpoint(truncate)";
        while open.connection.query_row(empty, (), |row| row.get::<_, bool>(0))? {
            if Instant::now() > until {
                return Err(WriteError::Failed("a long read needs its write-ahead file".into()));
            }
            std::thread::sleep(AGAIN);
        }
        Ok(())
    });
    let rewritten = rewritten.await;
    tables.close().await;
    rewritten
}

async fn rewrite_tables(url: &PostgresUrl) -> Result<(), Source> {
    let connection = url.connect().await?;
    for table in TABLES {
        let table = format!("{}.{table}", Side::Live.schema());
        if let Some(why) = rewrite_table(&connection.client, &table).await?.why_not() {
            return Err(format!("{table} can't be written anew: {why}").into());
        }
    }
    Ok(())
}

//! The table of marks in a SQLite file.

use rusqlite::{Connection, TransactionBehavior};

use super::SqliteStore;
use crate::{MarkChange, MarkRow, StoreError};

impl SqliteStore {
    pub(crate) async fn marks(&self) -> Result<Vec<MarkRow>, StoreError> {
        self.read_with("read the marks of", |connection| select(connection)).await
    }

    pub(crate) async fn change_mark(&self, made: MarkChange) -> Result<(), StoreError> {
        let job = move |connection: &mut Connection| change(connection, &made);
        self.write_beside("write the marks of", job).await
    }
}

fn select(connection: &Connection) -> rusqlite::Result<Vec<MarkRow>> {
    let mut select = connection.prepare("select * from mark")?;
    let marks = select.query_map((), |row| {
        Ok(MarkRow {
            kind: row.get("kind")?,
            id: row.get("id")?,
            key: row.get("key_id")?,
            marked_at: row.get("marked_at")?,
            ends_at: row.get("ends_at")?,
        })
    })?;
    marks.collect()
}

fn change(connection: &mut Connection, change: &MarkChange) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match change {
        MarkChange::Set(MarkRow { kind, id, key, marked_at, ends_at }) => {
            transaction.execute("delete from mark where ends_at <= ?1", [marked_at])?;
            let upsert = include_str!("upsert_mark.sql");
            transaction.execute(upsert, (kind, id, key, marked_at, ends_at))?;
        }
        MarkChange::Remove { kind, id } => {
            transaction.execute("delete from mark where kind = ?1 and id = ?2", (kind, id))?;
        }
    }
    transaction.commit()
}

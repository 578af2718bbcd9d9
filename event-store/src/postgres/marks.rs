//! The table of marks in PostgreSQL.

use tokio_postgres::{Client, Error};

use super::PostgresStore;
use crate::{MarkChange, MarkRow, StoreError};

impl PostgresStore {
    pub(crate) async fn marks(&self) -> Result<Vec<MarkRow>, StoreError> {
        self.read_with("read the marks of", select).await
    }

    pub(crate) async fn change_mark(&self, made: &MarkChange) -> Result<(), StoreError> {
        let change = async |client: &mut Client| change(client, made).await;
        self.write_with("write the marks of", change).await
    }
}

async fn select(client: &Client) -> Result<Vec<MarkRow>, Error> {
    let rows = client.query("select * from guerdon_log.mark", &[]).await?;
    let mark = |row: &tokio_postgres::Row| {
        Ok(MarkRow {
            kind: row.try_get("kind")?,
            id: row.try_get("id")?,
            key: row.try_get("key_id")?,
            marked_at: row.try_get("marked_at")?,
            ends_at: row.try_get("ends_at")?,
        })
    };
    rows.iter().map(mark).collect()
}

async fn change(client: &mut Client, change: &MarkChange) -> Result<(), Error> {
    let transaction = client.transaction().await?;
    match change {
        MarkChange::Set(MarkRow { kind, id, key, marked_at, ends_at }) => {
            let delete = "delete from guerdon_log.mark where ends_at <= $1";
            transaction.execute(delete, &[marked_at]).await?;
            let upsert = include_str!("upsert_mark.sql");
            transaction.execute(upsert, &[kind, id, key, marked_at, ends_at]).await?;
        }
        MarkChange::Remove { kind, id } => {
            let delete = "delete from guerdon_log.mark where kind = $1 and id = $2";
            transaction.execute(delete, &[kind, id]).await?;
        }
    }
    transaction.commit().await
}

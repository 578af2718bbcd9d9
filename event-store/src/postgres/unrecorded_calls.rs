//! The table of calls of which no event tells, in PostgreSQL.

use log_record::{UnrecordedCall, UnrecordedCalls};
use tokio_postgres::{Client, Error, Row};

use super::PostgresStore;
use crate::StoreError;

const INSERT: &str = include_str!("insert_unrecorded_call.sql");
const SELECT: &str = include_str!("select_unrecorded_calls.sql");
const DELETE: &str = include_str!("delete_unrecorded_calls.sql");
const ERASE: &str = include_str!("erase_unrecorded_calls.sql");
const ERASE_KEY_NAMES: &str = include_str!("erase_key_names.sql");

impl PostgresStore {
    pub(crate) async fn unrecorded_calls(
        &self,
        asked: UnrecordedCalls,
    ) -> Result<Vec<UnrecordedCall>, StoreError> {
        let select = async |client: &Client| select(client, &asked).await;
        self.read_with("read the unrecorded calls of", select).await
    }

    pub(crate) async fn note_calls(&self, calls: &[UnrecordedCall]) -> Result<(), StoreError> {
        let insert = async |client: &mut Client| insert(client, calls).await;
        self.write_with("note calls beside", insert).await
    }

    pub(crate) async fn delete_calls(&self, before: i64, keep: u32) -> Result<(), StoreError> {
        let delete = async |client: &mut Client| delete(client, before, keep).await;
        self.write_with("delete old calls beside", delete).await
    }

    pub(crate) async fn erase_calls(&self, account_id: &str) -> Result<(), StoreError> {
        let erase = async |client: &mut Client| erase(client, account_id).await;
        self.write_with("erase calls beside", erase).await
    }
}

/// Adds all calls in one transaction.
async fn insert(client: &mut Client, calls: &[UnrecordedCall]) -> Result<(), Error> {
    let transaction = client.transaction().await?;
    let insert = transaction.prepare(INSERT).await?;
    for call in calls {
        transaction
            .execute(
                &insert,
                &[
                    &call.id,
                    &call.at,
                    &call.request_id,
                    &call.traceparent,
                    &call.key,
                    &call.role,
                    &call.subject,
                    &call.name,
                    &call.reason,
                    &call.method,
                    &call.path,
                    &call.account_id,
                    &i32::from(call.status),
                    &call.code,
                    &call.detail,
                ],
            )
            .await?;
    }
    transaction.commit().await
}

async fn select(client: &Client, asked: &UnrecordedCalls) -> Result<Vec<UnrecordedCall>, Error> {
    let UnrecordedCalls { before: (at, id), from, key, account_id, status, limit } = asked;
    let (lowest, above) = (i32::from(status.0), i32::from(status.1));
    let limit = i64::from(*limit);
    let rows =
        client.query(SELECT, &[at, id, from, key, account_id, &lowest, &above, &limit]).await?;
    rows.iter().map(call).collect()
}

async fn delete(client: &Client, before: i64, keep: u32) -> Result<(), Error> {
    client.execute(DELETE, &[&before, &i64::from(keep)]).await.map(drop)
}

async fn erase(client: &Client, account_id: &str) -> Result<(), Error> {
    client.execute(ERASE, &[&account_id]).await?;
    client.execute(ERASE_KEY_NAMES, &[&account_id]).await.map(drop)
}

fn call(row: &Row) -> Result<UnrecordedCall, Error> {
    Ok(UnrecordedCall {
        id: row.try_get("id")?,
        at: row.try_get("at")?,
        request_id: row.try_get("request_id")?,
        traceparent: row.try_get("traceparent")?,
        key: row.try_get("key_id")?,
        role: row.try_get("role")?,
        subject: row.try_get("subject")?,
        name: row.try_get("name")?,
        reason: row.try_get("reason")?,
        method: row.try_get("method")?,
        path: row.try_get("path")?,
        account_id: row.try_get("account_id")?,
        status: u16::try_from(row.try_get::<_, i32>("status")?).unwrap_or_default(),
        code: row.try_get("code")?,
        detail: row.try_get("detail")?,
    })
}

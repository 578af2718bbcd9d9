//! The table of calls of which no event tells, in PostgreSQL.

use log_record::{UnrecordedCall, UnrecordedCalls};
use tokio_postgres::{Client, Error, Row};

const INSERT: &str = include_str!("insert_unrecorded_call.sql");
const SELECT: &str = include_str!("select_unrecorded_calls.sql");
const DELETE: &str = include_str!("delete_unrecorded_calls.sql");
const ERASE: &str = include_str!("erase_unrecorded_calls.sql");
const ERASE_KEY_NAMES: &str = include_str!("erase_key_names.sql");

/// Adds all calls in one transaction.
pub(super) async fn insert(client: &mut Client, calls: &[UnrecordedCall]) -> Result<(), Error> {
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

pub(super) async fn select(
    client: &Client,
    asked: &UnrecordedCalls,
) -> Result<Vec<UnrecordedCall>, Error> {
    let UnrecordedCalls { before: (at, id), from, key, account_id, status, limit } = asked;
    let (lowest, above) = (i32::from(status.0), i32::from(status.1));
    let limit = i64::from(*limit);
    let rows =
        client.query(SELECT, &[at, id, from, key, account_id, &lowest, &above, &limit]).await?;
    rows.iter().map(call).collect()
}

pub(super) async fn delete(client: &Client, before: i64, keep: u32) -> Result<(), Error> {
    client.execute(DELETE, &[&before, &i64::from(keep)]).await.map(drop)
}

pub(super) async fn erase(client: &Client, account_id: &str) -> Result<(), Error> {
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

//! The table of calls of which no event tells, in a SQLite file.

use std::time::Duration;

use log_record::{UnrecordedCall, UnrecordedCalls};
use rusqlite::{Connection, Row, TransactionBehavior, params};
use uuid::Uuid;

use super::{SqliteStore, open};
use crate::StoreError;

const INSERT: &str = include_str!("insert_unrecorded_call.sql");
const SELECT: &str = include_str!("select_unrecorded_calls.sql");
const SELECT_OLD: &str = include_str!("select_old_unrecorded_calls.sql");
const DELETE: &str = include_str!("delete_unrecorded_call.sql");
const ERASE: &str = include_str!("erase_unrecorded_calls.sql");
const ERASE_KEY_NAMES: &str = include_str!("erase_key_names.sql");

/// The most old calls that are looked for at once, and that are deleted in one transaction: an
/// append waits for that.
const OLD_CALLS_MAX: u32 = 4_096;
const DELETED_CALLS_MAX: usize = 256;

/// The bytes of a call's id.
type CallId = [u8; 16];

impl SqliteStore {
    pub(crate) async fn unrecorded_calls(
        &self,
        asked: UnrecordedCalls,
    ) -> Result<Vec<UnrecordedCall>, StoreError> {
        let select = move |connection: &mut Connection| select(connection, &asked);
        self.read_with("read the unrecorded calls of", select).await
    }

    pub(crate) async fn note_calls(&self, calls: Vec<UnrecordedCall>) -> Result<(), StoreError> {
        self.write_calls("note calls beside", move |connection| insert(connection, &calls)).await
    }

    /// Which calls are old is found out on a reading thread, because that takes a look at all. An
    /// append waits behind a few deletions at most.
    pub(crate) async fn delete_calls(&self, before: i64, keep: u32) -> Result<(), StoreError> {
        loop {
            let old =
                move |connection: &mut Connection| old(connection, before, keep, OLD_CALLS_MAX);
            let old = self.read_with("read the old calls beside", old).await?;
            for ids in old.chunks(DELETED_CALLS_MAX) {
                let ids = ids.to_vec();
                let delete = move |connection: &mut Connection| delete(connection, &ids);
                self.write_calls("delete old calls beside", delete).await?;
            }
            if old.len() < OLD_CALLS_MAX as usize {
                return Ok(());
            }
        }
    }

    pub(crate) async fn erase_calls(&self, account_id: String) -> Result<(), StoreError> {
        self.write_calls("erase calls beside", move |connection| erase(connection, &account_id))
            .await
    }

    /// Writes calls. On the writer's thread it waits for no lock: an append would wait behind it.
    async fn write_calls(
        &self,
        doing: &'static str,
        job: impl FnOnce(&mut Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), StoreError> {
        if self.shared.writer.is_none() {
            return self.beside_the_writer(doing, job).await;
        }
        let at_once = move |connection: &mut Connection| {
            connection.busy_timeout(Duration::ZERO)?;
            let done = job(connection);
            connection.busy_timeout(open::BUSY_TIMEOUT)?;
            done
        };
        self.write(doing, at_once).await
    }
}

/// Adds all calls in one transaction.
fn insert(connection: &mut Connection, calls: &[UnrecordedCall]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for call in calls {
        transaction.execute(
            INSERT,
            params![
                call.id.as_bytes(),
                call.at,
                call.request_id,
                call.traceparent,
                call.key,
                call.role,
                call.subject,
                call.name,
                call.reason,
                call.method,
                call.path,
                call.account_id,
                call.status,
                call.code,
                call.detail,
            ],
        )?;
    }
    transaction.commit()
}

fn select(
    connection: &Connection,
    asked: &UnrecordedCalls,
) -> rusqlite::Result<Vec<UnrecordedCall>> {
    let UnrecordedCalls { before: (at, id), from, key, account_id, status, limit } = asked;
    let asked = params![at, id.as_bytes(), from, key, account_id, status.0, status.1, limit];
    connection.prepare(SELECT)?.query_map(asked, call)?.collect()
}

/// The ids of at most so many calls that are to be deleted. This looks at every call that is kept.
fn old(
    connection: &Connection,
    before: i64,
    keep: u32,
    most: u32,
) -> rusqlite::Result<Vec<CallId>> {
    let mut statement = connection.prepare(SELECT_OLD)?;
    statement.query_map(params![before, keep, most], |row| row.get("id"))?.collect()
}

/// Deletes these in one transaction.
fn delete(connection: &mut Connection, ids: &[CallId]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for id in ids {
        transaction.execute(DELETE, (id,))?;
    }
    transaction.commit()
}

fn erase(connection: &Connection, account_id: &str) -> rusqlite::Result<()> {
    connection.execute(ERASE, (account_id,))?;
    connection.execute(ERASE_KEY_NAMES, (account_id,)).map(drop)
}

fn call(row: &Row<'_>) -> rusqlite::Result<UnrecordedCall> {
    Ok(UnrecordedCall {
        id: Uuid::from_bytes(row.get("id")?),
        at: row.get("at")?,
        request_id: row.get("request_id")?,
        traceparent: row.get("traceparent")?,
        key: row.get("key_id")?,
        role: row.get("role")?,
        subject: row.get("subject")?,
        name: row.get("name")?,
        reason: row.get("reason")?,
        method: row.get("method")?,
        path: row.get("path")?,
        account_id: row.get("account_id")?,
        status: row.get("status")?,
        code: row.get("code")?,
        detail: row.get("detail")?,
    })
}

//! The table of calls of which no event tells, in a SQLite file.

use log_record::{UnrecordedCall, UnrecordedCalls};
use rusqlite::{Connection, Row, TransactionBehavior, params};
use uuid::Uuid;

const INSERT: &str = include_str!("insert_unrecorded_call.sql");
const SELECT: &str = include_str!("select_unrecorded_calls.sql");
const SELECT_OLD: &str = include_str!("select_old_unrecorded_calls.sql");
const DELETE: &str = include_str!("delete_unrecorded_call.sql");
const ERASE: &str = include_str!("erase_unrecorded_calls.sql");
const ERASE_KEY_NAMES: &str = include_str!("erase_key_names.sql");

/// The bytes of a call's id.
pub(super) type CallId = [u8; 16];

/// Adds all calls in one transaction.
pub(super) fn insert(
    connection: &mut Connection,
    calls: &[UnrecordedCall],
) -> rusqlite::Result<()> {
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

pub(super) fn select(
    connection: &Connection,
    asked: &UnrecordedCalls,
) -> rusqlite::Result<Vec<UnrecordedCall>> {
    let UnrecordedCalls { before: (at, id), from, key, account_id, status, limit } = asked;
    let asked = params![at, id.as_bytes(), from, key, account_id, status.0, status.1, limit];
    connection.prepare(SELECT)?.query_map(asked, call)?.collect()
}

/// The ids of at most so many calls that are to be deleted. This looks at every call that is kept.
pub(super) fn old(
    connection: &Connection,
    before: i64,
    keep: u32,
    most: u32,
) -> rusqlite::Result<Vec<CallId>> {
    let mut statement = connection.prepare(SELECT_OLD)?;
    statement.query_map(params![before, keep, most], |row| row.get("id"))?.collect()
}

/// Deletes these in one transaction.
pub(super) fn delete(connection: &mut Connection, ids: &[CallId]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for id in ids {
        transaction.execute(DELETE, (id,))?;
    }
    transaction.commit()
}

pub(super) fn erase(connection: &Connection, account_id: &str) -> rusqlite::Result<()> {
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

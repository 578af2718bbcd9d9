//! Lots, their parts, balances and the statement.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::rows::{Change, PartKey, Rows};

const LOT: &str = include_str!("../../sql/sqlite/insert_credit_lot.sql");
const IS_PENDING: &str = include_str!("../../sql/sqlite/is_lot_pending.sql");
const NEW_PART: &str = include_str!("../../sql/sqlite/insert_credit_part.sql");
const PART_CHANGE: &str = include_str!("../../sql/sqlite/change_credit_part.sql");
const USED_UP: &str = include_str!("../../sql/sqlite/delete_credit_part.sql");
const NEW_BALANCE: &str = include_str!("../../sql/sqlite/insert_account_balance.sql");
const BALANCE_CHANGE: &str = include_str!("../../sql/sqlite/change_account_balance.sql");
const ENTRY: &str = include_str!("../../sql/sqlite/insert_ledger_entry.sql");

pub(super) fn write_lots(connection: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(LOT)?;
    for lot in &rows.lots {
        let (rule_id, rule_version) = lot.rule.as_ref().map(|(id, version)| (id, version)).unzip();
        insert.execute(params![
            lot.lot,
            lot.account_id.as_str(),
            lot.points,
            lot.cause_kind,
            lot.cause_id,
            rule_id,
            rule_version,
            lot.reference,
            lot.recorded_at,
            lot.available_at,
            lot.expires_at,
        ])?;
    }
    Ok(())
}

/// Adds what was taken back, now that every lot can be looked up.
pub(super) fn settle_withdrawals(connection: &Connection, rows: &mut Rows) -> rusqlite::Result<()> {
    let mut is_pending = connection.prepare_cached(IS_PENDING)?;
    let were_pending = rows
        .withdrawn_parts()
        .map(|(key, at)| {
            let asked = params![key.lot, key.account_id.as_str(), at];
            is_pending.query_row(asked, |row| row.get(0))
        })
        .collect::<rusqlite::Result<Vec<bool>>>()?;
    rows.settle_withdrawals(&were_pending);
    Ok(())
}

pub(super) fn write_parts(connection: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(NEW_PART)?;
    let mut update = connection.prepare_cached(PART_CHANGE)?;
    let mut delete = connection.prepare_cached(USED_UP)?;
    for (key, part) in &rows.parts {
        let Change { available, held, pending, owed: _ } = part.change;
        // What comes and goes within a batch leaves nothing.
        if (available, held, pending) == (0, 0, 0) {
            continue;
        }
        let PartKey { account_id, expires_at, lot, graced } = key;
        let account_id = account_id.as_str();
        if !part.is_new {
            let row = params![account_id, expires_at, lot, graced, available, held, pending];
            let left: Option<i64> = update.query_row(row, |row| row.get(0)).optional()?;
            if left == Some(0) {
                delete.execute(params![account_id, expires_at, lot, graced])?;
            }
            if left.is_some() {
                continue;
            }
        }
        let available_at = part.available_at.filter(|_| pending > 0);
        insert.execute(params![
            account_id,
            expires_at,
            lot,
            graced,
            available,
            held,
            pending,
            available_at
        ])?;
    }
    Ok(())
}

pub(super) fn write_balances(connection: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(NEW_BALANCE)?;
    let mut update = connection.prepare_cached(BALANCE_CHANGE)?;
    for (account_id, balance) in &rows.balances {
        let Change { available, held, pending, owed } = balance.change;
        let row = params![
            account_id.as_str(),
            available,
            held,
            pending,
            owed,
            balance.partition,
            balance.position
        ];
        if update.execute(row)? == 0 {
            insert.execute(row)?;
        }
    }
    Ok(())
}

pub(super) fn write_entries(connection: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(ENTRY)?;
    for entry in &rows.entries {
        let (cause_kind, cause_id) = entry.cause.as_ref().map(|(kind, id)| (kind, id)).unzip();
        let (withdrawal_kind, withdrawal_id) =
            entry.withdrawal.as_ref().map(|(kind, id)| (kind, id)).unzip();
        insert.execute(params![
            entry.place,
            entry.account_id,
            entry.kind,
            entry.change.points(),
            entry.change.available,
            entry.change.held,
            entry.change.pending,
            cause_kind,
            cause_id,
            entry.exchange_id,
            entry.cancellation_id,
            entry.hold_id,
            entry.transfer_id,
            entry.counterparty,
            withdrawal_kind,
            withdrawal_id,
            entry.purchase_id,
            entry.reference,
            entry.lots,
            entry.released,
            entry.occurred_at,
            entry.recorded_at,
        ])?;
    }
    Ok(())
}

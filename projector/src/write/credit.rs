//! Lots, their parts, balances and the statement.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::rows::{Change, PartKey, Rows};

const LOT: &str = include_str!("../sql/insert_credit_lot.sql");
const IS_PENDING: &str = include_str!("../sql/is_lot_pending.sql");
const NEW_PART: &str = include_str!("../sql/insert_credit_part.sql");
const PART_CHANGE: &str = include_str!("../sql/change_credit_part.sql");
const USED_UP: &str = include_str!("../sql/delete_credit_part.sql");
const NEW_BALANCE: &str = include_str!("../sql/insert_account_balance.sql");
const BALANCE_CHANGE: &str = include_str!("../sql/change_account_balance.sql");
const ENTRY: &str = include_str!("../sql/insert_ledger_entry.sql");

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

/// Adds what was taken back to parts, balances and entries, now that every lot can be looked up.
pub(super) fn settle_withdrawals(connection: &Connection, rows: &mut Rows) -> rusqlite::Result<()> {
    if rows.withdrawals.is_empty() {
        return Ok(());
    }
    let mut is_pending = connection.prepare_cached(IS_PENDING)?;
    for withdrawal in std::mem::take(&mut rows.withdrawals) {
        let mut sum = Change::default();
        for (key, points) in withdrawal.parts {
            let asked = params![key.lot, key.account_id.as_str(), withdrawal.recorded_at];
            let was_pending: bool = is_pending.query_row(asked, |row| row.get(0))?;
            let what = if was_pending { Change::GOES_PENDING } else { Change::GOES };
            let change = what.times(points);
            rows.parts.entry(key).or_default().change += change;
            sum += change;
        }
        if let Some(balance) = rows.balances.get_mut(&withdrawal.account_id) {
            balance.change += sum;
        }
        if let Some(entry) = rows.entries.get_mut(withdrawal.entry) {
            entry.change += sum;
        }
    }
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

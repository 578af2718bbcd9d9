//! Lots, their parts, balances and the statement.

use super::{PostgresTables, Write, column, sparse};
use crate::rows::{Change, PartChange, PartKey, Rows};
use crate::write::WriteError;

const LOT: &str = include_str!("../../sql/postgres/insert_credit_lot.sql");
const ARE_PENDING: &str = include_str!("../../sql/postgres/are_lots_pending.sql");
const NEW_PART: &str = include_str!("../../sql/postgres/insert_credit_part.sql");
const PART_CHANGE: &str = include_str!("../../sql/postgres/change_credit_part.sql");
const MISSING_PART: &str = include_str!("../../sql/postgres/insert_missing_credit_part.sql");
const USED_UP: &str = include_str!("../../sql/postgres/delete_credit_part.sql");
const BALANCE_CHANGE: &str = include_str!("../../sql/postgres/change_account_balance.sql");
const NEW_BALANCE: &str = include_str!("../../sql/postgres/insert_account_balance.sql");
const ENTRY: &str = include_str!("../../sql/postgres/insert_ledger_entry.sql");

pub(super) fn write_lots<'a>(writes: &mut Vec<Write<'a>>, rows: &'a Rows) {
    let lots = &rows.lots;
    if lots.is_empty() {
        return;
    }
    let arguments = vec![
        column(lots, |lot| lot.lot),
        column(lots, |lot| lot.account_id.as_str()),
        column(lots, |lot| lot.points),
        column(lots, |lot| lot.cause_kind),
        column(lots, |lot| lot.cause_id.as_str()),
        sparse(lots, |lot| lot.rule.as_ref().map(|(id, _)| id.as_str())),
        sparse(lots, |lot| lot.rule.as_ref().map(|(_, version)| *version)),
        sparse(lots, |lot| lot.reference.as_deref()),
        column(lots, |lot| lot.recorded_at),
        sparse(lots, |lot| lot.available_at),
        sparse(lots, |lot| lot.expires_at),
    ];
    writes.push(Write::of(LOT, arguments));
}

/// Whether each of the withdrawn parts was pending, in their order.
pub(super) async fn were_pending(
    tables: &mut PostgresTables,
    rows: &Rows,
) -> Result<Vec<bool>, WriteError> {
    let lots: Vec<i64> = rows.withdrawn_parts().map(|(key, _)| key.lot).collect();
    if lots.is_empty() {
        return Ok(vec![]);
    }
    let accounts: Vec<&str> =
        rows.withdrawn_parts().map(|(key, _)| key.account_id.as_str()).collect();
    let times: Vec<i64> = rows.withdrawn_parts().map(|(_, at)| at).collect();
    let found = tables.find(ARE_PENDING, &[&lots, &accounts, &times]).await?;
    let were_pending = found.iter().map(|row| row.try_get(0));
    Ok(were_pending.collect::<Result<_, _>>()?)
}

pub(super) fn write_parts<'a>(writes: &mut Vec<Write<'a>>, rows: &'a Rows) {
    // What comes and goes within a batch leaves nothing.
    let stays = |change: Change| change.available != 0 || change.held != 0 || change.pending != 0;
    let parts = rows.parts.iter().filter(|(_, part)| stays(part.change));
    let (new, changed): (Vec<_>, Vec<_>) = parts.partition(|(_, part)| part.is_new);
    let arguments = |parts: &[(&'a PartKey, &'a PartChange)]| {
        vec![
            column(parts, |(key, _)| key.account_id.as_str()),
            column(parts, |(key, _)| key.expires_at),
            column(parts, |(key, _)| key.lot),
            column(parts, |(key, _)| key.graced),
            column(parts, |(_, part)| part.change.available),
            column(parts, |(_, part)| part.change.held),
            column(parts, |(_, part)| part.change.pending),
        ]
    };
    if !new.is_empty() {
        let mut arguments = arguments(&new);
        arguments
            .push(column(&new, |(_, part)| part.available_at.filter(|_| part.change.pending > 0)));
        writes.push(Write::of(NEW_PART, arguments));
    }
    if !changed.is_empty() {
        writes.push(Write::of(PART_CHANGE, arguments(&changed)));
        writes.push(Write::of(MISSING_PART, arguments(&changed)));
        let mut key = arguments(&changed);
        key.truncate(4);
        writes.push(Write::of(USED_UP, key));
    }
}

pub(super) fn write_balances<'a>(writes: &mut Vec<Write<'a>>, rows: &'a Rows) {
    let balances = &rows.balances;
    if balances.is_empty() {
        return;
    }
    let arguments = || {
        vec![
            column(balances, |(account_id, _)| account_id.as_str()),
            column(balances, |(_, balance)| balance.change.available),
            column(balances, |(_, balance)| balance.change.held),
            column(balances, |(_, balance)| balance.change.pending),
            column(balances, |(_, balance)| balance.change.owed),
            column(balances, |(_, balance)| balance.position),
        ]
    };
    writes.push(Write::of(BALANCE_CHANGE, arguments()));
    let mut arguments = arguments();
    arguments.push(column(balances, |(_, balance)| i64::from(balance.partition)));
    writes.push(Write::of(NEW_BALANCE, arguments));
}

pub(super) fn write_entries<'a>(writes: &mut Vec<Write<'a>>, rows: &'a Rows) {
    let entries = &rows.entries;
    if entries.is_empty() {
        return;
    }
    let arguments = vec![
        column(entries, |entry| entry.place),
        column(entries, |entry| entry.account_id.as_str()),
        column(entries, |entry| entry.kind),
        column(entries, |entry| entry.change.points()),
        column(entries, |entry| entry.change.available),
        column(entries, |entry| entry.change.held),
        column(entries, |entry| entry.change.pending),
        sparse(entries, |entry| entry.cause.as_ref().map(|(kind, _)| *kind)),
        sparse(entries, |entry| entry.cause.as_ref().map(|(_, id)| id.as_str())),
        sparse(entries, |entry| entry.exchange_id.as_deref()),
        sparse(entries, |entry| entry.cancellation_id.as_deref()),
        sparse(entries, |entry| entry.hold_id.as_deref()),
        sparse(entries, |entry| entry.transfer_id.as_deref()),
        sparse(entries, |entry| entry.counterparty.as_deref()),
        sparse(entries, |entry| entry.withdrawal.as_ref().map(|(kind, _)| *kind)),
        sparse(entries, |entry| entry.withdrawal.as_ref().map(|(_, id)| id.as_str())),
        sparse(entries, |entry| entry.purchase_id.as_deref()),
        sparse(entries, |entry| entry.reference.as_deref()),
        sparse(entries, |entry| entry.lots.as_deref()),
        sparse(entries, |entry| entry.released.as_deref()),
        sparse(entries, |entry| entry.occurred_at),
        column(entries, |entry| entry.recorded_at),
    ];
    writes.push(Write::of(ENTRY, arguments));
}

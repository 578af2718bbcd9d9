//! Lots, balances and the statement. How the parts of lots are written differs between the
//! databases.

use std::sync::LazyLock;

use read_model::{AccountBalance, CreditLot, LedgerEntry, UnitBalance};

use super::statement::{LazyStatement, Statement, Writes};
use crate::rows::Rows;

static LOT: LazyStatement = LazyLock::new(Statement::insert::<CreditLot>);
static BALANCE_CHANGE: LazyStatement = LazyLock::new(|| {
    Statement::of::<AccountBalance>(include_str!("../sql/change_account_balance.sql"))
});
static NEW_BALANCE: LazyStatement = LazyLock::new(|| {
    Statement::of::<AccountBalance>(include_str!("../sql/insert_account_balance.sql"))
});
static UNIT_BALANCE_CHANGE: LazyStatement =
    LazyLock::new(|| Statement::of::<UnitBalance>(include_str!("../sql/change_unit_balance.sql")));
static NEW_UNIT_BALANCE: LazyStatement =
    LazyLock::new(|| Statement::of::<UnitBalance>(include_str!("../sql/insert_unit_balance.sql")));
static ENTRY: LazyStatement = LazyLock::new(Statement::insert::<LedgerEntry>);

pub(super) fn write_lots<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    writes.push(&LOT, &rows.lots);
}

pub(super) fn write_balances<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    writes.push_change_or_insert(&BALANCE_CHANGE, &NEW_BALANCE, rows.balances.values());
}

pub(super) fn write<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    writes.push(&ENTRY, &rows.entries);
}

pub(super) fn write_further_units<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    let balances = rows.unit_balances.values();
    writes.push_change_or_insert(&UNIT_BALANCE_CHANGE, &NEW_UNIT_BALANCE, balances);
}

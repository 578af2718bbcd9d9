//! Lots, balances and the statement. How the parts of lots are written differs between the
//! databases.

use std::sync::LazyLock;

use read_model::{AccountBalance, CreditLot, LedgerEntry};

use super::statement::{LazyStatement, Statement, Writes};
use crate::rows::Rows;

static LOT: LazyStatement = LazyLock::new(Statement::insert::<CreditLot>);
static BALANCE_CHANGE: LazyStatement = LazyLock::new(|| {
    Statement::of::<AccountBalance>(include_str!("../sql/change_account_balance.sql"))
});
static NEW_BALANCE: LazyStatement = LazyLock::new(|| {
    Statement::of::<AccountBalance>(include_str!("../sql/insert_account_balance.sql"))
});
static ENTRY: LazyStatement = LazyLock::new(Statement::insert::<LedgerEntry>);

pub(super) fn write_lots<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    writes.push(&LOT, &rows.lots);
}

pub(super) fn write<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    writes.push_change_or_insert(&BALANCE_CHANGE, &NEW_BALANCE, rows.balances.values());
    writes.push(&ENTRY, &rows.entries);
}

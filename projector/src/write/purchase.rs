//! Purchases.

use std::sync::LazyLock;

use read_model::Purchase;

use super::statement::{LazyStatement, Statement, Writes};
use crate::rows::{PurchaseChange, Rows};

static INSERT: LazyStatement = LazyLock::new(Statement::insert::<Purchase>);
static CHANGE: LazyStatement =
    LazyLock::new(|| Statement::of::<PurchaseChange>(include_str!("../sql/change_purchase.sql")));

pub(super) fn write_new<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    writes.push(&INSERT, &rows.purchases);
}

pub(super) fn write_changes<'a>(writes: &mut Writes<'a>, changes: &'a [PurchaseChange]) {
    writes.push(&CHANGE, changes);
}

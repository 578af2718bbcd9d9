//! Holds.

use std::sync::LazyLock;

use read_model::Hold;

use super::statement::{LazyStatement, Statement, Writes};
use crate::rows::{HoldChange, Rows};

static INSERT: LazyStatement = LazyLock::new(Statement::insert::<Hold>);
static CHANGE: LazyStatement =
    LazyLock::new(|| Statement::of::<HoldChange>(include_str!("../sql/change_hold.sql")));

pub(super) fn write<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    writes.push(&INSERT, &rows.holds);
    writes.push(&CHANGE, rows.hold_changes.values());
}

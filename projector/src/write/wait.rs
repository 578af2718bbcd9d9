//! Who waits for units of offers.

use std::sync::LazyLock;

use read_model::Wait;

use super::statement::{LazyStatement, Statement, Writes};
use crate::rows::{Rows, WaitChange};

static INSERT: LazyStatement = LazyLock::new(Statement::insert::<Wait>);
static CHANGE: LazyStatement =
    LazyLock::new(|| Statement::of::<WaitChange>(include_str!("../sql/change_wait.sql")));

pub(super) fn write<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    writes.push(&INSERT, &rows.waits);
    writes.push(&CHANGE, rows.wait_changes.values());
}

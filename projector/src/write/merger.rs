//! Accounts that were merged.

use std::sync::LazyLock;

use read_model::Merger;

use super::statement::{LazyStatement, Statement, Writes};
use crate::rows::Rows;

static INSERT: LazyStatement = LazyLock::new(Statement::insert::<Merger>);

pub(super) fn write<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    writes.push(&INSERT, &rows.mergers);
}

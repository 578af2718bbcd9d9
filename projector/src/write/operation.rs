//! What operators did.

use std::sync::LazyLock;

use read_model::Operation;

use super::statement::{LazyStatement, Statement, Writes};
use crate::rows::Rows;

static INSERT: LazyStatement = LazyLock::new(Statement::insert::<Operation>);

pub(super) fn write<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    writes.push(&INSERT, &rows.operations);
}

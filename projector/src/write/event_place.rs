//! Where events are that left no other row.

use std::sync::LazyLock;

use read_model::EventPlace;

use super::statement::{LazyStatement, Statement, Writes};
use crate::rows::Rows;

static INSERT: LazyStatement = LazyLock::new(Statement::insert::<EventPlace>);

pub(super) fn write<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    writes.push(&INSERT, &rows.places);
}

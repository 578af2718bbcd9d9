//! What can be got by the path at which it was put.

use std::sync::LazyLock;

use read_model::Fact;

use super::statement::{LazyStatement, Statement, Writes};
use crate::rows::Rows;

static UPSERT: LazyStatement =
    LazyLock::new(|| Statement::of::<Fact>(include_str!("../sql/upsert_fact.sql")));

pub(super) fn write<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    writes.push(&UPSERT, rows.facts.values());
}

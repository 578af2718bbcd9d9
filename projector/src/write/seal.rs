//! Commitments to the balances of all accounts.

use std::sync::LazyLock;

use read_model::BalanceSeal;

use super::statement::{LazyStatement, Statement, Writes};
use crate::rows::Rows;

static INSERT: LazyStatement = LazyLock::new(Statement::insert::<BalanceSeal>);

pub(super) fn write<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    writes.push(&INSERT, &rows.seals);
}

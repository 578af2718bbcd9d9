//! Exchanges.

use std::sync::LazyLock;

use read_model::Exchange;

use super::statement::{LazyStatement, Statement, Writes};
use crate::rows::{ExchangeChange, Rows};

static INSERT: LazyStatement = LazyLock::new(Statement::insert::<Exchange>);
static CHANGE: LazyStatement =
    LazyLock::new(|| Statement::of::<ExchangeChange>(include_str!("../sql/change_exchange.sql")));

pub(super) fn write<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    writes.push(&INSERT, &rows.exchanges);
    writes.push(&CHANGE, rows.exchange_changes.values());
}

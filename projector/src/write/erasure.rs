//! What an erasure does, after all else of its batch.

use std::sync::LazyLock;

use super::statement::{LazyStatement, Statement, Writes};
use crate::rows::{AccountErasure, Rows};

static ERASE: [LazyStatement; 4] = [
    LazyLock::new(|| Statement::of::<AccountErasure>(include_str!("../sql/erase_facts.sql"))),
    LazyLock::new(|| Statement::of::<AccountErasure>(include_str!("../sql/erase_operations.sql"))),
    LazyLock::new(|| of_requests("exchange")),
    LazyLock::new(|| of_requests("purchase")),
];

/// Those for what stands in a table.
fn of_requests(goods: &str) -> Statement {
    let template = include_str!("../sql/erase_shipping_requests.sql");
    Statement::of::<AccountErasure>(&template.replace("{goods}", goods))
}

pub(super) fn write<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    for statement in &ERASE {
        writes.push(statement, &rows.erasures);
    }
}

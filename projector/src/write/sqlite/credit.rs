//! Parts of lots: whether they were pending, and how they change.

use std::sync::LazyLock;

use read_model::CreditPart;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{parameters, run};
use crate::rows::Rows;
use crate::write::statement::{LazyStatement, Statement, Writes};

const IS_PENDING: &str = include_str!("../../sql/sqlite/is_lot_pending.sql");
static INSERT: LazyStatement = LazyLock::new(|| Statement::of::<CreditPart>("{insert}"));
static CHANGE: LazyStatement = LazyLock::new(|| {
    Statement::of::<CreditPart>(include_str!("../../sql/sqlite/change_credit_part.sql"))
});
static DELETE: LazyStatement = LazyLock::new(|| {
    Statement::of::<CreditPart>(include_str!("../../sql/sqlite/delete_credit_part.sql"))
});

/// Whether each of the withdrawn parts was pending, in their order.
pub(super) fn were_pending(connection: &Connection, rows: &Rows) -> rusqlite::Result<Vec<bool>> {
    let mut is_pending = connection.prepare_cached(IS_PENDING)?;
    let asked = rows.withdrawn_parts().map(|(key, at)| {
        let asked = params![key.lot, key.account_id.as_str(), at];
        is_pending.query_row(asked, |row| row.get(0))
    });
    asked.collect()
}

pub(super) fn write_parts(connection: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    let (new, changed) = rows.credit_parts();
    let mut writes = Writes::default();
    writes.push(&INSERT, &new);
    run(connection, writes)?;
    let mut writes = Writes::default();
    writes.push(&CHANGE, &changed);
    for write in writes.0 {
        let mut change = connection.prepare_cached(&CHANGE.sqlite)?;
        let mut insert = connection.prepare_cached(&INSERT.sqlite)?;
        let mut delete = connection.prepare_cached(&DELETE.sqlite)?;
        write.each_row(|row| {
            let values = parameters(&change, row);
            let left: Option<i64> = change.query_row(values, |row| row.get(0)).optional()?;
            let then = match left {
                None => &mut insert,
                Some(0) => &mut delete,
                Some(_) => return Ok(()),
            };
            let values = parameters(then, row);
            then.execute(values).map(drop)
        })?;
    }
    Ok(())
}

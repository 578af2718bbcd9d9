//! Parts of lots: whether they were pending, and how they change.

use std::sync::LazyLock;

use read_model::CreditPart;

use super::PostgresTables;
use crate::rows::Rows;
use crate::write::WriteError;
use crate::write::statement::{LazyStatement, Statement, Writes};

const ARE_PENDING: &str = include_str!("../../sql/postgres/are_lots_pending.sql");
static INSERT: LazyStatement = LazyLock::new(|| Statement::of::<CreditPart>("{insert}"));
static CHANGE: LazyStatement = LazyLock::new(|| {
    Statement::of::<CreditPart>(include_str!("../../sql/postgres/change_credit_part.sql"))
});
static INSERT_MISSING: LazyStatement = LazyLock::new(|| {
    Statement::of::<CreditPart>(include_str!("../../sql/postgres/insert_missing_credit_part.sql"))
});
static DELETE: LazyStatement = LazyLock::new(|| {
    Statement::of::<CreditPart>(include_str!("../../sql/postgres/delete_credit_part.sql"))
});

/// Whether each of the withdrawn parts was pending, in their order.
pub(super) async fn were_pending(
    tables: &mut PostgresTables,
    rows: &Rows,
) -> Result<Vec<bool>, WriteError> {
    let lots: Vec<i64> = rows.withdrawn_parts().map(|(key, _)| key.lot).collect();
    if lots.is_empty() {
        return Ok(vec![]);
    }
    let accounts: Vec<&str> =
        rows.withdrawn_parts().map(|(key, _)| key.account_id.as_str()).collect();
    let times: Vec<i64> = rows.withdrawn_parts().map(|(_, at)| at).collect();
    let found = tables.find(ARE_PENDING, &[&lots, &accounts, &times]).await?;
    let were_pending = found.iter().map(|row| row.try_get(0));
    Ok(were_pending.collect::<Result<_, _>>()?)
}

/// Changes parts, inserts those that aren't there, and deletes those with nothing left.
pub(super) fn part_writes<'a>(new: &'a [CreditPart], changed: &'a [CreditPart]) -> Writes<'a> {
    let mut writes = Writes::default();
    writes.push(&INSERT, new);
    writes.push_change_or_insert(&CHANGE, &INSERT_MISSING, changed);
    writes.push(&DELETE, changed);
    writes
}

//! Parts of lots: whether they were pending, and how they change.

use std::sync::LazyLock;

use read_model::CreditPart;

use super::{Answer, PostgresTables};
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
    tables: &PostgresTables,
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

/// Inserts the parts that the batch earned.
pub(super) fn new_part_writes(new: &[CreditPart]) -> Writes<'_> {
    let mut writes = Writes::default();
    writes.push(&INSERT, new);
    writes
}

/// Changes parts, and inserts those that aren't there.
pub(super) fn changed_part_writes(changed: &[CreditPart]) -> Writes<'_> {
    let mut writes = Writes::default();
    writes.push_change_or_insert(&CHANGE, &INSERT_MISSING, changed);
    writes
}

/// Deletes those of the changed parts that have nothing left.
pub(super) fn empty_part_writes(changed: &[CreditPart]) -> Writes<'_> {
    let mut writes = Writes::default();
    writes.push(&DELETE, changed);
    writes
}

/// Which of the parts that were to be changed are there.
pub(super) struct PartsFound {
    found: usize,
    /// Some have nothing left.
    pub(super) have_empty: bool,
}

impl PartsFound {
    /// As the statement says that changes them, if one was sent.
    pub(super) fn of(answer: Option<Answer>) -> Result<Self, WriteError> {
        let rows = answer.map(|answer| answer.rows).unwrap_or_default();
        let Some(row) = rows.first() else { return Ok(Self { found: 0, have_empty: false }) };
        let (found, empty): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        Ok(Self { found: usize::try_from(found).unwrap_or_default(), have_empty: empty > 0 })
    }

    pub(super) fn lacks_some_of(&self, changed: &[CreditPart]) -> bool {
        self.found < changed.len()
    }
}

//! How purchases change that are there.

use super::{PostgresTables, asked};
use crate::rows::{PurchaseChange, Rows};
use crate::write::WriteError;

const LINES: &str = include_str!("../../sql/postgres/find_purchases.sql");

/// The changes of purchases that are there; credit may be earned for one that isn't.
pub(super) async fn changes(
    tables: &PostgresTables,
    rows: &Rows,
) -> Result<Vec<PurchaseChange>, WriteError> {
    let returned: Vec<_> = rows.returned.iter().collect();
    if returned.is_empty() {
        return Ok(vec![]);
    }
    let accounts: Vec<&str> = returned.iter().map(|((account, _), _)| account.as_str()).collect();
    let ids: Vec<&str> = returned.iter().map(|((_, id), _)| id.as_str()).collect();
    let mut changes = vec![];
    for row in tables.find(LINES, &[&accounts, &ids]).await? {
        let number: i64 = row.try_get(0)?;
        let Some((_, returned)) = asked(&returned, number) else { continue };
        changes.push(returned.change(row.try_get(1)?, row.try_get(2)?, row.try_get(3)?)?);
    }
    Ok(changes)
}

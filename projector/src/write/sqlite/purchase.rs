//! How purchases change that are there.

use rusqlite::{Connection, OptionalExtension as _};

use crate::rows::{PurchaseChange, Rows};
use crate::write::WriteError;

const LINES: &str = include_str!("../../sql/sqlite/select_purchase_lines.sql");

/// The changes of purchases that are there; credit may be earned for one that isn't.
pub(super) fn changes(
    connection: &Connection,
    rows: &Rows,
) -> Result<Vec<PurchaseChange>, WriteError> {
    let mut select = connection.prepare_cached(LINES)?;
    let mut changes = vec![];
    for ((account_id, purchase_id), returned) in &rows.returned {
        let key = (account_id.as_str(), purchase_id.as_str());
        let found = select.query_row(key, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        let found: Option<(i64, String, String)> = found.optional()?;
        if let Some((place, lines, earned)) = found {
            changes.push(returned.change(place, &lines, &earned)?);
        }
    }
    Ok(changes)
}

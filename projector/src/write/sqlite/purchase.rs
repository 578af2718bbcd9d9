//! Purchases.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::rows::Rows;
use crate::write::WriteError;

const PURCHASE: &str = include_str!("../../sql/sqlite/insert_purchase.sql");
const LINES: &str = include_str!("../../sql/sqlite/select_purchase_lines.sql");
const PURCHASE_CHANGE: &str = include_str!("../../sql/sqlite/change_purchase.sql");

pub(super) fn write_purchases(connection: &Connection, rows: &Rows) -> Result<(), WriteError> {
    let mut insert = connection.prepare_cached(PURCHASE)?;
    for purchase in &rows.purchases {
        let (rule_id, rule_version) =
            purchase.rule.as_ref().map(|(id, version)| (id, version)).unzip();
        insert.execute(params![
            purchase.place,
            purchase.account_id.as_str(),
            purchase.purchase_id,
            purchase.lines,
            purchase.points,
            rule_id,
            rule_version,
            purchase.warehouse,
            purchase.occurred_at,
            purchase.recorded_at,
        ])?;
    }
    let mut select = connection.prepare_cached(LINES)?;
    let mut update = connection.prepare_cached(PURCHASE_CHANGE)?;
    for ((account_id, purchase_id), change) in &rows.purchase_changes {
        let key = (account_id.as_str(), purchase_id.as_str());
        let found: Option<(i64, String)> =
            select.query_row(key, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        // Credit may be earned for a purchase that is none of ours.
        let Some((place, lines)) = found else { continue };
        let lines = change.lines_after(&lines)?;
        update.execute(params![place, lines, change.returned_points, change.withdrawn_points])?;
    }
    Ok(())
}

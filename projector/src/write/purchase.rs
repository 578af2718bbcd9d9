//! Purchases.

use rusqlite::{Connection, params};

use crate::rows::Rows;

const PURCHASE: &str = include_str!("../sql/insert_purchase.sql");
const PURCHASE_CHANGE: &str = include_str!("../sql/change_purchase.sql");

pub(super) fn write_purchases(connection: &Connection, rows: &Rows) -> rusqlite::Result<()> {
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
    let mut update = connection.prepare_cached(PURCHASE_CHANGE)?;
    for ((account_id, purchase_id), change) in &rows.purchase_changes {
        // Neither an id nor a number needs escaping in JSON.
        let returned: Vec<String> = change
            .returned
            .iter()
            .map(|(product_id, quantity)| format!(r#""{product_id}":{quantity}"#))
            .collect();
        update.execute(params![
            account_id.as_str(),
            purchase_id.as_str(),
            format!("{{{}}}", returned.join(",")),
            change.returned_points,
            change.withdrawn_points,
        ])?;
    }
    Ok(())
}

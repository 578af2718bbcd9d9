//! Purchases.

use super::{PostgresTables, Write, asked, column, sparse};
use crate::rows::{PurchaseChange, Rows};
use crate::write::WriteError;

const PURCHASE: &str = include_str!("../../sql/postgres/insert_purchase.sql");
const LINES: &str = include_str!("../../sql/postgres/find_purchases.sql");
const PURCHASE_CHANGE: &str = include_str!("../../sql/postgres/change_purchase.sql");

/// A purchase that is there, its lines after the batch, and what else changes.
pub(super) struct ChangedPurchase<'a> {
    place: i64,
    lines: String,
    change: &'a PurchaseChange,
}

pub(super) fn write_purchases<'a>(writes: &mut Vec<Write<'a>>, rows: &'a Rows) {
    let purchases = &rows.purchases;
    if purchases.is_empty() {
        return;
    }
    let arguments = vec![
        column(purchases, |purchase| purchase.place),
        column(purchases, |purchase| purchase.account_id.as_str()),
        column(purchases, |purchase| purchase.purchase_id.as_str()),
        column(purchases, |purchase| purchase.lines.as_str()),
        column(purchases, |purchase| purchase.points),
        sparse(purchases, |purchase| purchase.rule.as_ref().map(|(id, _)| id.as_str())),
        sparse(purchases, |purchase| purchase.rule.as_ref().map(|(_, version)| *version)),
        sparse(purchases, |purchase| purchase.warehouse.as_deref()),
        sparse(purchases, |purchase| purchase.occurred_at),
        column(purchases, |purchase| purchase.recorded_at),
    ];
    writes.push(Write::of(PURCHASE, arguments));
}

/// What becomes of the purchases that are there; credit may be earned for one that isn't.
pub(super) async fn changed_purchases<'a>(
    tables: &mut PostgresTables,
    rows: &'a Rows,
) -> Result<Vec<ChangedPurchase<'a>>, WriteError> {
    let changes: Vec<_> = rows.purchase_changes.iter().collect();
    if changes.is_empty() {
        return Ok(vec![]);
    }
    let accounts: Vec<&str> = changes.iter().map(|((account, _), _)| account.as_str()).collect();
    let ids: Vec<&str> = changes.iter().map(|((_, id), _)| id.as_str()).collect();
    let mut changed = vec![];
    for row in tables.find(LINES, &[&accounts, &ids]).await? {
        let number: i64 = row.try_get(0)?;
        let lines: &str = row.try_get(2)?;
        let Some((_, change)) = asked(&changes, number) else { continue };
        let (place, lines) = (row.try_get(1)?, change.lines_after(lines)?);
        changed.push(ChangedPurchase { place, lines, change });
    }
    Ok(changed)
}

pub(super) fn write_changes<'a>(writes: &mut Vec<Write<'a>>, changed: &'a [ChangedPurchase<'_>]) {
    if changed.is_empty() {
        return;
    }
    let arguments = vec![
        column(changed, |purchase| purchase.place),
        column(changed, |purchase| purchase.lines.as_str()),
        column(changed, |purchase| purchase.change.returned_points),
        column(changed, |purchase| purchase.change.withdrawn_points),
    ];
    writes.push(Write::of(PURCHASE_CHANGE, arguments));
}

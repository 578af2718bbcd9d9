//! Offers.

use rusqlite::{Connection, params};

use crate::rows::Rows;

const OFFER: &str = include_str!("../../sql/sqlite/upsert_offer_availability.sql");
const OFFER_CHANGE: &str = include_str!("../../sql/sqlite/change_offer_availability.sql");

pub(super) fn write_offers(connection: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    let mut upsert = connection.prepare_cached(OFFER)?;
    for (offer_id, terms) in &rows.offers {
        upsert.execute(params![
            offer_id.as_str(),
            terms.product_id,
            terms.price,
            terms.stock,
            terms.opens_at,
            terms.closes_at,
            terms.limit_per_shopper,
            terms.warehouse,
            terms.version,
            terms.partition,
            terms.position,
        ])?;
    }
    let mut update = connection.prepare_cached(OFFER_CHANGE)?;
    for (offer_id, change) in &rows.offer_changes {
        update.execute(params![
            offer_id.as_str(),
            change.stock,
            change.remaining,
            change.closed_at
        ])?;
    }
    Ok(())
}

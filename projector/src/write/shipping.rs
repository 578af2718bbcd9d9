//! Shipping requests, and the lanes that count them.

use domain::Shipped;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::rows::{Rows, ShippingChange, ShippingNews};

const REQUEST: &str = include_str!("../sql/insert_shipping_request.sql");
const OF_EXCHANGE: &str = include_str!("../sql/find_shipping_request_of_exchange.sql");
const OF_PURCHASE: &str = include_str!("../sql/find_shipping_request_of_purchase.sql");
const LOWER: &str = include_str!("../sql/lower_shipping_request.sql");
const DISPATCH: &str = include_str!("../sql/dispatch_shipping_request.sql");
const LANE: &str = include_str!("../sql/upsert_lane.sql");

pub(super) fn write_requests(connection: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(REQUEST)?;
    for request in &rows.shipping_requests {
        let (exchange_id, purchase_id) = match &request.shipped {
            Shipped::ExchangeId(id) => (Some(id.as_str()), None),
            Shipped::PurchaseId(id) => (None, Some(id.as_str())),
        };
        insert.execute(params![
            request.place,
            request.shipping_request_id,
            request.account_id.as_str(),
            exchange_id,
            purchase_id,
            request.lines,
            request.deliver_to,
            request.warehouse,
            request.lane,
            request.sequence,
        ])?;
    }
    for change in &rows.shipping_changes {
        write_change(connection, change)?;
    }
    let mut upsert = connection.prepare_cached(LANE)?;
    for (lane, last) in &rows.lanes {
        upsert.execute(params![lane, last])?;
    }
    Ok(())
}

/// A purchase that was carried home has no request, and nothing changes.
fn write_change(connection: &Connection, change: &ShippingChange) -> rusqlite::Result<()> {
    let (find, id) = match &change.shipped {
        Shipped::ExchangeId(id) => (OF_EXCHANGE, id.as_str()),
        Shipped::PurchaseId(id) => (OF_PURCHASE, id.as_str()),
    };
    let mut find = connection.prepare_cached(find)?;
    let found: Option<i64> =
        find.query_row(params![change.account_id.as_str(), id], |row| row.get(0)).optional()?;
    let Some(request) = found else { return Ok(()) };
    match &change.news {
        ShippingNews::LessOfEach(quantity) => connection
            .prepare_cached(LOWER)?
            .execute(params![request, change.place, "{}", quantity])?,
        ShippingNews::Less(by_product) => connection.prepare_cached(LOWER)?.execute(params![
            request,
            change.place,
            by_product,
            0
        ])?,
        ShippingNews::Dispatched { carrier, express_no } => connection
            .prepare_cached(DISPATCH)?
            .execute(params![request, change.place, carrier, express_no])?,
    };
    Ok(())
}

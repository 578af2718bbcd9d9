//! Shipping requests, and the lanes that count them.

use domain::Shipped;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::rows::{RequestState, Rows};
use crate::write::WriteError;

const REQUEST: &str = include_str!("../../sql/sqlite/insert_shipping_request.sql");
const OF_EXCHANGE: &str = include_str!("../../sql/sqlite/find_shipping_request_of_exchange.sql");
const OF_PURCHASE: &str = include_str!("../../sql/sqlite/find_shipping_request_of_purchase.sql");
const CHANGE: &str = include_str!("../../sql/sqlite/change_shipping_request.sql");
const LANE: &str = include_str!("../../sql/sqlite/upsert_lane.sql");

pub(super) fn write_requests(connection: &Connection, rows: &Rows) -> Result<(), WriteError> {
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
    write_changes(connection, rows)?;
    let mut upsert = connection.prepare_cached(LANE)?;
    for (lane, last) in &rows.lanes {
        upsert.execute(params![lane, last])?;
    }
    Ok(())
}

/// A purchase that was carried home has no request, and nothing changes.
fn write_changes(connection: &Connection, rows: &Rows) -> Result<(), WriteError> {
    let mut of_exchange = connection.prepare_cached(OF_EXCHANGE)?;
    let mut of_purchase = connection.prepare_cached(OF_PURCHASE)?;
    let mut update = connection.prepare_cached(CHANGE)?;
    for ((account_id, shipped), changes) in &rows.shipping_changes {
        let (find, id) = match shipped {
            Shipped::ExchangeId(id) => (&mut of_exchange, id.as_str()),
            Shipped::PurchaseId(id) => (&mut of_purchase, id.as_str()),
        };
        let found = find.query_row((account_id.as_str(), id), |row| {
            let state = RequestState {
                lines: row.get(1)?,
                status: row.get(2)?,
                carrier: row.get(3)?,
                express_no: row.get(4)?,
                changed_at: row.get(5)?,
            };
            Ok((row.get(0)?, state))
        });
        let found: Option<(i64, RequestState)> = found.optional()?;
        let Some((place, mut state)) = found else { continue };
        state.change(changes)?;
        let RequestState { lines, status, carrier, express_no, changed_at } = state;
        update.execute(params![place, lines, status, carrier, express_no, changed_at])?;
    }
    Ok(())
}

//! Shipping requests, what warehouses are told of them later, and the lanes that count both.

use domain::Shipped;
use read_model::ShippingStatus;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::rows::{FoundRequest, Lanes, RequestKey, RequestState, Shipping};
use crate::write::WriteError;

const REQUEST: &str = include_str!("../../sql/sqlite/insert_shipping_request.sql");
const OF_EXCHANGE: &str = include_str!("../../sql/sqlite/find_shipping_request_of_exchange.sql");
const OF_PURCHASE: &str = include_str!("../../sql/sqlite/find_shipping_request_of_purchase.sql");
const REQUEST_CHANGE: &str = include_str!("../../sql/sqlite/change_shipping_request.sql");
const CHANGE: &str = include_str!("../../sql/sqlite/insert_shipping_change.sql");
const LANE: &str = include_str!("../../sql/sqlite/upsert_lane.sql");

pub(super) fn write_shipping(
    connection: &Connection,
    before: &Lanes,
    shipping: &mut Shipping,
) -> Result<(), WriteError> {
    let found = find_requests(connection, shipping)?;
    shipping.settle(found, before)?;
    write_requests(connection, shipping)?;
    write_changes(connection, shipping)?;
    let mut upsert = connection.prepare_cached(LANE)?;
    for (lane, end) in &shipping.lanes {
        upsert.execute(params![lane, end.warehouse, end.sequence, end.place])?;
    }
    Ok(())
}

fn find_requests(
    connection: &Connection,
    shipping: &Shipping,
) -> Result<Vec<(RequestKey, FoundRequest)>, WriteError> {
    let mut of_exchange = connection.prepare_cached(OF_EXCHANGE)?;
    let mut of_purchase = connection.prepare_cached(OF_PURCHASE)?;
    let mut found = vec![];
    for key @ (account_id, shipped) in shipping.heard.keys() {
        let (find, id) = match shipped {
            Shipped::ExchangeId(id) => (&mut of_exchange, id.as_str()),
            Shipped::PurchaseId(id) => (&mut of_purchase, id.as_str()),
        };
        let request = find.query_row((account_id.as_str(), id), found_request).optional()?;
        found.extend(request.map(|request| (key.clone(), request)));
    }
    Ok(found)
}

fn found_request(row: &Row<'_>) -> rusqlite::Result<FoundRequest> {
    let status = row.get_ref(5)?.as_str()?;
    let status = ShippingStatus::named(status).ok_or_else(|| {
        rusqlite::Error::InvalidColumnType(5, format!("status {status}"), Type::Text)
    })?;
    Ok(FoundRequest {
        place: row.get(0)?,
        lines: row.get(1)?,
        warehouse: row.get(2)?,
        lane: row.get(3)?,
        state: RequestState {
            lines_left: row.get(4)?,
            status,
            status_since: row.get(6)?,
            reason: row.get(7)?,
            carrier: row.get(8)?,
            express_no: row.get(9)?,
            crossed: row.get(10)?,
            changed_at: row.get(11)?,
        },
    })
}

fn write_requests(connection: &Connection, shipping: &Shipping) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(REQUEST)?;
    for request in &shipping.requests {
        let (exchange_id, purchase_id) = match &request.shipped {
            Shipped::ExchangeId(id) => (Some(id.as_str()), None),
            Shipped::PurchaseId(id) => (None, Some(id.as_str())),
        };
        insert.execute(params![
            request.place,
            request.generation,
            request.account_id.as_str(),
            exchange_id,
            purchase_id,
            request.lines,
            request.deliver_to,
            request.warehouse,
            request.lane,
            request.sequence,
            request.recorded_at,
            request.traceparent,
            request.state.lines_left,
            request.state.status.as_str(),
            request.state.status_since,
            request.state.reason,
            request.state.carrier,
            request.state.express_no,
            request.state.crossed,
            request.state.changed_at,
        ])?;
    }
    Ok(())
}

fn write_changes(connection: &Connection, shipping: &Shipping) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(REQUEST_CHANGE)?;
    for (place, state) in &shipping.changed {
        update.execute(params![
            place,
            state.lines_left,
            state.status.as_str(),
            state.status_since,
            state.reason,
            state.carrier,
            state.express_no,
            state.crossed,
            state.changed_at,
        ])?;
    }
    let mut insert = connection.prepare_cached(CHANGE)?;
    for change in &shipping.changes {
        insert.execute(params![
            change.place,
            change.generation,
            change.request,
            change.kind,
            change.lines,
            change.warehouse,
            change.sequence,
            change.recorded_at,
            change.traceparent,
        ])?;
    }
    Ok(())
}

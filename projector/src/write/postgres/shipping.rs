//! Shipping requests, what warehouses are told of them later, and the lanes that count both.

use domain::Shipped;
use read_model::ShippingStatus;
use tokio_postgres::Row;

use super::{PostgresTables, Write, asked, column, sparse};
use crate::rows::{FoundRequest, RequestKey, RequestState, Shipping};
use crate::write::WriteError;

const REQUEST: &str = include_str!("../../sql/postgres/insert_shipping_request.sql");
const OF_EXCHANGES: &str =
    include_str!("../../sql/postgres/find_shipping_requests_of_exchanges.sql");
const OF_PURCHASES: &str =
    include_str!("../../sql/postgres/find_shipping_requests_of_purchases.sql");
const REQUEST_CHANGE: &str = include_str!("../../sql/postgres/change_shipping_request.sql");
const CHANGE: &str = include_str!("../../sql/postgres/insert_shipping_change.sql");
const LANE: &str = include_str!("../../sql/postgres/upsert_lane.sql");

/// The requests of batches before of which something was heard.
pub(super) async fn find_requests(
    tables: &mut PostgresTables,
    shipping: &Shipping,
) -> Result<Vec<(RequestKey, FoundRequest)>, WriteError> {
    let mut found = find_of(tables, shipping, OF_EXCHANGES, exchange_id).await?;
    found.extend(find_of(tables, shipping, OF_PURCHASES, purchase_id).await?);
    Ok(found)
}

/// Those for exchanges, or for purchases.
async fn find_of(
    tables: &mut PostgresTables,
    shipping: &Shipping,
    statement: &'static str,
    id_of: impl Fn(&Shipped) -> Option<&str>,
) -> Result<Vec<(RequestKey, FoundRequest)>, WriteError> {
    let (mut keys, mut accounts, mut ids) = (vec![], vec![], vec![]);
    for key @ (account_id, shipped) in shipping.heard.keys() {
        if let Some(id) = id_of(shipped) {
            keys.push(key);
            accounts.push(account_id.as_str());
            ids.push(id);
        }
    }
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let mut found = vec![];
    for row in tables.find(statement, &[&accounts, &ids]).await? {
        if let Some(key) = asked(&keys, row.try_get(12)?) {
            found.push(((*key).clone(), found_request(&row)?));
        }
    }
    Ok(found)
}

fn found_request(row: &Row) -> Result<FoundRequest, WriteError> {
    let status: &str = row.try_get(5)?;
    let status = ShippingStatus::named(status)
        .ok_or_else(|| WriteError::Failed(format!("a request has the status {status}").into()))?;
    Ok(FoundRequest {
        place: row.try_get(0)?,
        lines: row.try_get(1)?,
        warehouse: row.try_get(2)?,
        lane: row.try_get(3)?,
        state: RequestState {
            lines_left: row.try_get(4)?,
            status,
            status_since: row.try_get(6)?,
            reason: row.try_get(7)?,
            carrier: row.try_get(8)?,
            express_no: row.try_get(9)?,
            crossed: row.try_get(10)?,
            changed_at: row.try_get(11)?,
        },
    })
}

pub(super) fn write_shipping<'a>(writes: &mut Vec<Write<'a>>, shipping: &'a Shipping) {
    write_requests(writes, shipping);
    write_changes(writes, shipping);
    let lanes = &shipping.lanes;
    if !lanes.is_empty() {
        let arguments = vec![
            column(lanes, |(lane, _)| lane.as_str()),
            column(lanes, |(_, end)| end.warehouse.as_str()),
            column(lanes, |(_, end)| end.sequence),
            column(lanes, |(_, end)| end.place),
        ];
        writes.push(Write::of(LANE, arguments));
    }
}

fn write_requests<'a>(writes: &mut Vec<Write<'a>>, shipping: &'a Shipping) {
    let requests = &shipping.requests;
    if requests.is_empty() {
        return;
    }
    let arguments = vec![
        column(requests, |request| request.place),
        column(requests, |request| request.generation),
        column(requests, |request| request.account_id.as_str()),
        sparse(requests, |request| exchange_id(&request.shipped)),
        sparse(requests, |request| purchase_id(&request.shipped)),
        column(requests, |request| request.lines.as_str()),
        sparse(requests, |request| request.deliver_to.as_deref()),
        column(requests, |request| request.warehouse.as_str()),
        column(requests, |request| request.lane.as_str()),
        column(requests, |request| request.sequence),
        column(requests, |request| request.recorded_at),
        sparse(requests, |request| request.traceparent.as_deref()),
        sparse(requests, |request| request.state.lines_left.as_deref()),
        column(requests, |request| request.state.status.as_str()),
        sparse(requests, |request| request.state.status_since),
        sparse(requests, |request| request.state.reason.as_deref()),
        sparse(requests, |request| request.state.carrier.as_deref()),
        sparse(requests, |request| request.state.express_no.as_deref()),
        column(requests, |request| request.state.crossed),
        column(requests, |request| request.state.changed_at),
    ];
    writes.push(Write::of(REQUEST, arguments));
}

fn write_changes<'a>(writes: &mut Vec<Write<'a>>, shipping: &'a Shipping) {
    let changed = &shipping.changed;
    if !changed.is_empty() {
        let arguments = vec![
            column(changed, |(place, _)| *place),
            sparse(changed, |(_, state)| state.lines_left.as_deref()),
            column(changed, |(_, state)| state.status.as_str()),
            sparse(changed, |(_, state)| state.status_since),
            sparse(changed, |(_, state)| state.reason.as_deref()),
            sparse(changed, |(_, state)| state.carrier.as_deref()),
            sparse(changed, |(_, state)| state.express_no.as_deref()),
            column(changed, |(_, state)| state.crossed),
            column(changed, |(_, state)| state.changed_at),
        ];
        writes.push(Write::of(REQUEST_CHANGE, arguments));
    }
    let changes = &shipping.changes;
    if !changes.is_empty() {
        let arguments = vec![
            column(changes, |change| change.place),
            column(changes, |change| change.generation),
            column(changes, |change| change.request),
            column(changes, |change| change.kind),
            column(changes, |change| change.lines.as_str()),
            column(changes, |change| change.warehouse.as_str()),
            column(changes, |change| change.sequence),
            column(changes, |change| change.recorded_at),
            sparse(changes, |change| change.traceparent.as_deref()),
        ];
        writes.push(Write::of(CHANGE, arguments));
    }
}

fn exchange_id(shipped: &Shipped) -> Option<&str> {
    match shipped {
        Shipped::ExchangeId(id) => Some(id.as_str()),
        Shipped::PurchaseId(_) => None,
    }
}

fn purchase_id(shipped: &Shipped) -> Option<&str> {
    match shipped {
        Shipped::PurchaseId(id) => Some(id.as_str()),
        Shipped::ExchangeId(_) => None,
    }
}

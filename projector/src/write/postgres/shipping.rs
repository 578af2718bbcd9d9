//! Shipping requests, and the lanes that count them.

use domain::Shipped;

use super::{PostgresTables, Write, asked, column, sparse};
use crate::rows::{RequestState, Rows};
use crate::write::WriteError;

const REQUEST: &str = include_str!("../../sql/postgres/insert_shipping_request.sql");
const OF_EXCHANGES: &str =
    include_str!("../../sql/postgres/find_shipping_requests_of_exchanges.sql");
const OF_PURCHASES: &str =
    include_str!("../../sql/postgres/find_shipping_requests_of_purchases.sql");
const CHANGE: &str = include_str!("../../sql/postgres/change_shipping_request.sql");
const LANE: &str = include_str!("../../sql/postgres/upsert_lane.sql");

pub(super) fn write_requests<'a>(writes: &mut Vec<Write<'a>>, rows: &'a Rows) {
    let requests = &rows.shipping_requests;
    if requests.is_empty() {
        return;
    }
    let arguments = vec![
        column(requests, |request| request.place),
        column(requests, |request| request.shipping_request_id.as_str()),
        column(requests, |request| request.account_id.as_str()),
        sparse(requests, |request| exchange_id(&request.shipped)),
        sparse(requests, |request| purchase_id(&request.shipped)),
        column(requests, |request| request.lines.as_str()),
        sparse(requests, |request| request.deliver_to.as_deref()),
        column(requests, |request| request.warehouse.as_str()),
        column(requests, |request| request.lane.as_str()),
        column(requests, |request| request.sequence),
    ];
    writes.push(Write::of(REQUEST, arguments));
}

/// What becomes of requests, by their places. A purchase that was carried home has none, and
/// nothing changes.
pub(super) async fn changed_requests(
    tables: &mut PostgresTables,
    rows: &Rows,
) -> Result<Vec<(i64, RequestState)>, WriteError> {
    let mut changed = changed_of(tables, rows, OF_EXCHANGES, exchange_id).await?;
    changed.extend(changed_of(tables, rows, OF_PURCHASES, purchase_id).await?);
    Ok(changed)
}

/// Of those for exchanges, or for purchases.
async fn changed_of(
    tables: &mut PostgresTables,
    rows: &Rows,
    statement: &'static str,
    id_of: impl Fn(&Shipped) -> Option<&str>,
) -> Result<Vec<(i64, RequestState)>, WriteError> {
    let (mut accounts, mut ids, mut news) = (vec![], vec![], vec![]);
    for ((account_id, shipped), changes) in &rows.shipping_changes {
        if let Some(id) = id_of(shipped) {
            accounts.push(account_id.as_str());
            ids.push(id);
            news.push(changes);
        }
    }
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let mut changed = vec![];
    for row in tables.find(statement, &[&accounts, &ids]).await? {
        let number: i64 = row.try_get(0)?;
        let mut state = RequestState {
            lines: row.try_get(2)?,
            status: row.try_get(3)?,
            carrier: row.try_get(4)?,
            express_no: row.try_get(5)?,
            changed_at: row.try_get(6)?,
        };
        if let Some(changes) = asked(&news, number) {
            state.change(changes)?;
            changed.push((row.try_get(1)?, state));
        }
    }
    Ok(changed)
}

pub(super) fn write_changes<'a>(writes: &mut Vec<Write<'a>>, changed: &'a [(i64, RequestState)]) {
    if changed.is_empty() {
        return;
    }
    let arguments = vec![
        column(changed, |(place, _)| *place),
        column(changed, |(_, state)| state.lines.as_str()),
        column(changed, |(_, state)| state.status.as_str()),
        sparse(changed, |(_, state)| state.carrier.as_deref()),
        sparse(changed, |(_, state)| state.express_no.as_deref()),
        column(changed, |(_, state)| state.changed_at),
    ];
    writes.push(Write::of(CHANGE, arguments));
}

pub(super) fn write_lanes<'a>(writes: &mut Vec<Write<'a>>, rows: &'a Rows) {
    let lanes = &rows.lanes;
    if !lanes.is_empty() {
        let arguments =
            vec![column(lanes, |(lane, _)| lane.as_str()), column(lanes, |(_, last)| *last)];
        writes.push(Write::of(LANE, arguments));
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

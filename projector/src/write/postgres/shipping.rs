//! Shipping requests of earlier batches.

use domain::Shipped;
use read_model::ShippingStatus;
use tokio::try_join;
use tokio_postgres::Row;

use super::{PostgresTables, asked};
use crate::rows::{FoundRequest, RequestKey, RequestState, Shipping};
use crate::write::WriteError;

const OF_EXCHANGES: &str =
    include_str!("../../sql/postgres/find_shipping_requests_of_exchanges.sql");
const OF_PURCHASES: &str =
    include_str!("../../sql/postgres/find_shipping_requests_of_purchases.sql");

/// The requests of earlier batches that the batch updates.
pub(super) async fn find_requests(
    tables: &PostgresTables,
    shipping: &Shipping,
) -> Result<Vec<(RequestKey, FoundRequest)>, WriteError> {
    let (mut found, of_purchases) = try_join!(
        find_of(tables, shipping, OF_EXCHANGES, exchange_id),
        find_of(tables, shipping, OF_PURCHASES, purchase_id),
    )?;
    found.extend(of_purchases);
    Ok(found)
}

/// Those for exchanges, or for purchases.
async fn find_of(
    tables: &PostgresTables,
    shipping: &Shipping,
    statement: &'static str,
    id_of: impl Fn(&Shipped) -> Option<&str>,
) -> Result<Vec<(RequestKey, FoundRequest)>, WriteError> {
    let (mut keys, mut accounts, mut ids) = (vec![], vec![], vec![]);
    for key @ (account_id, shipped) in shipping.updates.keys() {
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
        if let Some(key) = asked(&keys, row.try_get(15)?) {
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
            lines_wanted: row.try_get(12)?,
            parcels: row.try_get(13)?,
            attempts: row.try_get(14)?,
        },
    })
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

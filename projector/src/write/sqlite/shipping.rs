//! Shipping requests of earlier batches.

use domain::Shipped;
use read_model::ShippingStatus;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::rows::{FoundRequest, RequestKey, RequestState, Shipping};
use crate::write::WriteError;

const OF_EXCHANGE: &str = include_str!("../../sql/sqlite/find_shipping_request_of_exchange.sql");
const OF_PURCHASE: &str = include_str!("../../sql/sqlite/find_shipping_request_of_purchase.sql");

/// The requests of earlier batches that the batch updates.
pub(super) fn find_requests(
    connection: &Connection,
    shipping: &Shipping,
) -> Result<Vec<(RequestKey, FoundRequest)>, WriteError> {
    let mut of_exchange = connection.prepare_cached(OF_EXCHANGE)?;
    let mut of_purchase = connection.prepare_cached(OF_PURCHASE)?;
    let mut found = vec![];
    for key @ (account_id, shipped) in shipping.updates.keys() {
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
            lines_wanted: row.get(12)?,
            parcels: row.get(13)?,
        },
    })
}

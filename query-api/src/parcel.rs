//! How far a shipping request is, and its parcels and lines, which the tables keep in JSON.

use read_model::{LineRow, ParcelRow};
use wire::Problem;
use wire::body::{ParcelBody, ShippingLineBody};

use crate::cell::{json, sum};

/// How far a shipping request is; nothing of what isn't shipped.
#[derive(sql_macros::FromRow)]
pub(crate) struct Delivery {
    pub(crate) status: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) carrier: Option<String>,
    pub(crate) express_no: Option<String>,
    pub(crate) parcels: Option<String>,
}

/// The parcels that left; the tables have nothing before the first.
pub(crate) fn parcels(text: Option<&str>) -> Result<Vec<ParcelBody>, Problem> {
    let rows: Vec<ParcelRow> = text.map_or(Ok(vec![]), json)?;
    rows.into_iter().map(parcel).collect()
}

/// Units by product.
pub(crate) fn lines(rows: Vec<LineRow>) -> Result<Vec<ShippingLineBody>, Problem> {
    let line = |LineRow { product_id, quantity }: LineRow| {
        Ok(ShippingLineBody { product_id, quantity: sum(quantity)? })
    };
    rows.into_iter().map(line).collect()
}

fn parcel(row: ParcelRow) -> Result<ParcelBody, Problem> {
    let ParcelRow { dispatch_id, lines: rows, carrier, express_no, tracking_url, status } = row;
    let lines = lines(rows)?;
    Ok(ParcelBody { dispatch_id, lines, carrier, express_no, tracking_url, status })
}

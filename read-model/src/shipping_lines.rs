//! What the tables keep as JSON of a shipping request: its lines and its parcels.

use domain::{Carrier, DispatchId, ExpressNo, ProductId, ShippingStatus, TrackingUrl};
use serde::{Deserialize, Serialize};

/// A line: how many units of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRow {
    /// The product.
    pub product_id: ProductId,
    /// The number of units.
    pub quantity: i64,
}

/// A parcel that left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelRow {
    /// Its id within the request.
    pub dispatch_id: DispatchId,
    /// What is in it.
    pub lines: Vec<LineRow>,
    /// Who carries it.
    pub carrier: Carrier,
    /// The carrier's number for it.
    pub express_no: ExpressNo,
    /// Where the shopper can follow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_url: Option<TrackingUrl>,
    /// `Dispatched` or `Delivered`.
    pub status: ShippingStatus,
}

/// What is still to be shipped of a request, where the tables keep what is wanted and hasn't left:
/// nothing, once the request is over.
pub fn lines_to_ship(lines: String, status: ShippingStatus) -> Result<String, serde_json::Error> {
    if status.is_open() {
        return Ok(lines);
    }
    let mut lines: Vec<LineRow> = serde_json::from_str(&lines)?;
    for line in &mut lines {
        line.quantity = 0;
    }
    serde_json::to_string(&lines)
}

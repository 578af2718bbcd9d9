//! Offers: goods for points.

use domain::{AdditionId, OfferId, Points, ProductId, Timestamp, Units, WarehouseId};
use log_record::Place;
use serde::{Deserialize, Deserializer, Serialize};

/// `PUT /v1/offers/{offer_id}`: opens an offer; with `If-Match`, replaces its terms.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutOfferBody {
    /// The product to ship.
    pub product_id: ProductId,
    /// The price of one unit, in points.
    pub price: Points,
    /// The number of units at the opening; `null`: unlimited. An opening needs the field, an
    /// amendment leaves it out or doesn't change it. `None` here: the field is left out.
    #[serde(default, deserialize_with = "present")]
    pub stock: Option<Option<Units>>,
    /// Redemptions are taken from this time on; without it, at once.
    pub opens_at: Option<Timestamp>,
    /// Redemptions are taken before this time; without it, until the offer is closed.
    pub closes_at: Option<Timestamp>,
    /// The most units for one shopper, for ever; without it, no limit.
    pub limit_per_shopper: Option<Units>,
    /// The warehouse that ships; without it, `main`.
    pub warehouse: Option<WarehouseId>,
}

/// `PUT /v1/offers/{offer_id}/closure`: closes an offer for good. The body is `{}`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseOfferBody {}

/// `PUT /v1/offers/{offer_id}/stock-additions/{addition_id}`: adds units to an offer's stock.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddStockBody {
    /// The number of units to add.
    pub units: Units,
}

/// An offer, as both APIs answer it.
#[derive(Clone, Debug, Serialize)]
pub struct OfferBody {
    /// The offer.
    pub offer_id: OfferId,
    /// The product to ship.
    pub product_id: ProductId,
    /// The price of one unit, in points.
    pub price: Points,
    /// Redemptions are taken from this time on; without it, at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Timestamp>,
    /// Redemptions are taken before this time; without it, until the offer is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closes_at: Option<Timestamp>,
    /// The most units for one shopper, for ever; without it, no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_per_shopper: Option<Units>,
    /// The warehouse that ships.
    pub warehouse: WarehouseId,
    /// The number of units at the opening and all added since; `null`: unlimited.
    pub stock: Option<u64>,
    /// The number of units left, which may be 0; `null`: unlimited.
    pub remaining: Option<u64>,
    /// Counts changes of the terms and the closure, from 1; redemptions don't count. The ETag
    /// begins with it.
    pub version: u64,
    /// `open` or `closed`.
    pub status: OfferStatus,
    /// The position of the event that last changed the terms or closed the offer.
    pub position: Place,
}

/// Whether an offer was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfferStatus {
    /// It takes redemptions from `opens_at` on and before `closes_at`.
    Open,
    /// An operator closed it for good.
    Closed,
}

/// Units that were added to an offer's stock.
#[derive(Clone, Debug, Serialize)]
pub struct StockAdditionBody {
    /// The offer.
    pub offer_id: OfferId,
    /// The addition.
    pub addition_id: AdditionId,
    /// The number of units added.
    pub units: Units,
    /// The position of the event `stock-added`.
    pub position: Place,
}

/// `Some` for a field that is there, `null` included.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<Units>>, D::Error> {
    Option::deserialize(from).map(Some)
}

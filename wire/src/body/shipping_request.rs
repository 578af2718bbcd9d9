//! Shipping requests: what warehouses are asked for, and what they report.

use domain::{
    AccountId, Actor, Carrier, ExchangeId, ExpressNo, ProductId, PurchaseId, Reason, Timestamp,
    WarehouseId,
};
use log_record::Place;
use serde::{Deserialize, Serialize};

/// `PUT …/acceptance` and `PUT …/delivery`: the warehouse will ship, or has delivered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportShipmentBody {
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// `PUT …/back-order`: the warehouse will ship once it has the goods.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackOrderShipmentBody {
    /// The reason, which the shopper may read.
    pub reason: Option<Reason>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// `PUT …/dispatch`: the parcel has left the warehouse.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DispatchShipmentBody {
    /// The carrier.
    pub carrier: Carrier,
    /// The carrier's number for the parcel.
    pub express_no: ExpressNo,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// `PUT …/rejection`: the warehouse won't ship. An exchange is cancelled and refunded.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectShipmentBody {
    /// The reason, which the shopper may read.
    pub reason: Reason,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// `PUT …/settlement`: an operator settles the shipping request by hand.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettleShipmentBody {
    /// The reason: private.
    pub reason: Reason,
    /// Who settled it: private.
    pub by: Option<Actor>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// The fact `shipment-dispatched`. It has either `exchange_id` or `purchase_id`.
#[derive(Clone, Debug, Serialize)]
pub struct ShipmentDispatchedBody {
    /// The account.
    pub account_id: AccountId,
    /// The exchange whose goods left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange_id: Option<ExchangeId>,
    /// The purchase whose goods left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_id: Option<PurchaseId>,
    /// The carrier.
    pub carrier: Carrier,
    /// The carrier's number for the parcel.
    pub express_no: ExpressNo,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// The facts `shipment-accepted`, `-back-ordered`, `-delivered`, `-rejected` and `-settled`. It has
/// either `exchange_id` or `purchase_id`.
#[derive(Clone, Debug, Serialize)]
pub struct ShipmentReportedBody {
    /// The account.
    pub account_id: AccountId,
    /// The exchange that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange_id: Option<ExchangeId>,
    /// The purchase that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_id: Option<PurchaseId>,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// A shipping request as it is now.
#[derive(Clone, Debug, Serialize)]
pub struct ShippingRequestBody {
    /// The shipping request.
    pub shipping_request_id: String,
    /// 1: goods bought for money; 2: goods got for points.
    pub r#type: u8,
    /// The account.
    pub account_id: AccountId,
    /// The exchange, where the type is 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange_id: Option<ExchangeId>,
    /// The purchase, where the type is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_id: Option<PurchaseId>,
    /// The goods that are left to ship.
    pub lines: Vec<ShippingLineBody>,
    /// The address of delivery, or a reference to one; `null` to an auditor, and once erased.
    pub deliver_to: Option<String>,
    /// The warehouse that ships.
    pub warehouse: WarehouseId,
    /// The lane that its messages are in.
    pub lane: String,
    /// Its number in the lane, from 1.
    pub sequence: u64,
    /// When it was recorded.
    pub requested_at: Timestamp,
    /// The present status.
    pub status: ShippingRequestStatus,
    /// When it got this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_since: Option<Timestamp>,
    /// The reason for this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The carrier; `null` before the dispatch.
    pub carrier: Option<Carrier>,
    /// The carrier's number for the parcel; `null` before the dispatch.
    pub express_no: Option<ExpressNo>,
    /// Whether the goods left although the request was cancelled, rejected or settled.
    pub crossed: bool,
    /// The position of the event that asked for shipping.
    pub position: Place,
}

/// Units of one product to ship.
#[derive(Clone, Debug, Serialize)]
pub struct ShippingLineBody {
    /// The product.
    pub product_id: ProductId,
    /// The number of units.
    pub quantity: u64,
}

/// The status of a shipping request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShippingRequestStatus {
    /// The warehouse was asked to ship.
    Requested,
    /// The warehouse will ship.
    Accepted,
    /// The warehouse will ship once it has the goods.
    BackOrdered,
    /// The parcel has left.
    Dispatched,
    /// The parcel has arrived.
    Delivered,
    /// Nothing is left to ship.
    Cancelled,
    /// The warehouse won't ship.
    Rejected,
    /// An operator settled it by hand.
    Settled,
}

//! Shipping requests: what warehouses are asked for, and what they report.

use domain::{
    AccountId, Actor, Carrier, DispatchId, ExchangeId, ExpressNo, ProductId, PurchaseId, Reason,
    ShippingStatus, Timestamp, TrackingUrl, Units, WarehouseId,
};
use log_record::Place;
use serde::{Deserialize, Serialize};

use crate::Object;

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

/// `PUT …/dispatch`: one parcel with everything has left the warehouse.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DispatchShipmentBody {
    /// The carrier.
    pub carrier: Carrier,
    /// The carrier's number for the parcel.
    pub express_no: ExpressNo,
    /// A page where the shopper can follow the parcel.
    pub tracking_url: Option<TrackingUrl>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// `PUT …/dispatches/{dispatch_id}`: a parcel has left the warehouse.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DispatchParcelBody {
    /// The goods in it, each product once; without it, everything that is left to ship.
    pub lines: Option<Vec<Object<ShippedLineBody>>>,
    /// The carrier.
    pub carrier: Carrier,
    /// The carrier's number for the parcel.
    pub express_no: ExpressNo,
    /// A page where the shopper can follow the parcel.
    pub tracking_url: Option<TrackingUrl>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// Units of one product in a parcel.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShippedLineBody {
    /// The product.
    pub product_id: ProductId,
    /// The number of units.
    pub quantity: Units,
}

/// An answer to what was reported about a shipping request: the fact, and the request as it is now.
#[derive(Clone, Debug, Serialize)]
pub struct ShipmentAnswerBody<F> {
    /// The fact.
    #[serde(flatten)]
    pub fact: F,
    /// The request's present status.
    pub status: ShippingStatus,
    /// Every line, with what is still to be shipped of it.
    pub lines_left: Vec<ShippingLineBody>,
    /// Whether the goods are wanted; if not, nothing may leave any more.
    pub wanted: bool,
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
    /// The parcel.
    pub dispatch_id: DispatchId,
    /// The goods in it.
    pub lines: Vec<ShippedLineBody>,
    /// Where the warehouse named the lines: what the request asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<Vec<ShippedLineBody>>,
    /// The carrier.
    pub carrier: Carrier,
    /// The carrier's number for the parcel.
    pub express_no: ExpressNo,
    /// A page where the shopper can follow the parcel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_url: Option<TrackingUrl>,
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
    /// The one parcel that was delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dispatch_id: Option<DispatchId>,
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
    /// The goods that are wanted: less than was asked for, where some was cancelled or returned.
    pub lines: Vec<ShippingLineBody>,
    /// The same lines, with what is still to be shipped of each.
    pub lines_left: Vec<ShippingLineBody>,
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
    pub status: ShippingStatus,
    /// When it got this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_since: Option<Timestamp>,
    /// The reason for this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The parcels that left, in the order in which they were reported.
    pub parcels: Vec<ParcelBody>,
    /// The carrier of the last of them; `null` before the first dispatch.
    pub carrier: Option<Carrier>,
    /// The carrier's number for the last of them; `null` before the first dispatch.
    pub express_no: Option<ExpressNo>,
    /// Whether more left than was wanted, such as after a cancellation.
    pub crossed: bool,
    /// The position of the event that asked for shipping.
    pub position: Place,
}

/// A shipping request that its warehouse has not accepted in time.
#[derive(Clone, Debug, Serialize)]
pub struct OverdueShippingRequestBody {
    /// The shipping request.
    pub shipping_request_id: String,
    /// The account.
    pub account_id: AccountId,
    /// The exchange, for goods got for points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange_id: Option<ExchangeId>,
    /// The purchase, for goods bought for money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_id: Option<PurchaseId>,
    /// The warehouse that should ship.
    pub warehouse: WarehouseId,
    /// Always `requested`.
    pub status: ShippingStatus,
    /// When it was recorded.
    pub requested_at: Timestamp,
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

/// A parcel that left.
#[derive(Clone, Debug, Serialize)]
pub struct ParcelBody {
    /// The parcel's id within the shipping request.
    pub dispatch_id: DispatchId,
    /// The goods in it.
    pub lines: Vec<ShippingLineBody>,
    /// The carrier.
    pub carrier: Carrier,
    /// The carrier's number for the parcel.
    pub express_no: ExpressNo,
    /// A page where the shopper can follow the parcel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_url: Option<TrackingUrl>,
    /// `dispatched` or `delivered`.
    pub status: ShippingStatus,
}

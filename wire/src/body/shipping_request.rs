//! Shipping requests: what warehouses are asked for, and what they report.

use domain::{AccountId, Actor, Carrier, ExchangeId, ExpressNo, PurchaseId, Reason, Timestamp};
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

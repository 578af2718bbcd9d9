//! Answers that no single struct of the code is: facts with what is known of them, and lists that
//! two parts answer alike. They are read as source, like the code's own.

use domain::{AccountId, ExchangeId, OfferId, ProductId, PurchaseId, ShippingStatus, Timestamp};
use domain::{UnitId, Units, WarehouseId};
use serde::Serialize;
use wire::body::{CreditSentBody, FactCallerBody, HoldCapturedBody};

/// What was recorded, and what is known of it.
#[derive(Serialize)]
pub struct Recorded<F> {
    #[serde(flatten)]
    fact: F,
    #[serde(flatten)]
    known: KnownOfFact,
}

/// What is known of a recorded fact.
#[derive(Serialize)]
pub struct KnownOfFact {
    /// Whose key it was: for operators and auditors.
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<FactCallerBody>,
    /// Who did it, as the caller said: for operators and auditors.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// Why, as the caller said: for operators and auditors.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// When it was recorded.
    recorded_at: Timestamp,
    /// The event's position.
    position: log_record::Place,
}

/// A transfer as its sender's account recorded it.
#[derive(Serialize)]
pub struct TransferBody {
    #[serde(flatten)]
    fact: CreditSentBody,
    /// Always `received`.
    status: &'static str,
}

/// A capture, and the exchange that it paid.
#[derive(Serialize)]
pub struct CaptureBody {
    #[serde(flatten)]
    fact: HoldCapturedBody,
    /// The exchange, where it paid one.
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange_id: Option<ExchangeId>,
}

/// A shipping request that its warehouse hasn't accepted in time.
#[derive(Serialize)]
pub struct OverdueRequestBody {
    /// The shipping request.
    shipping_request_id: String,
    /// The account.
    account_id: AccountId,
    /// The exchange, for goods got for points.
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange_id: Option<ExchangeId>,
    /// The purchase, for goods bought for money.
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_id: Option<PurchaseId>,
    /// The warehouse that should ship.
    warehouse: WarehouseId,
    /// Its present status.
    status: ShippingStatus,
    /// When it was recorded; where no publisher answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_at: Option<Timestamp>,
    /// How often it was sent; where the publisher answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u64>,
    /// When it is sent again; where the publisher answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<Timestamp>,
    /// The position of the event that asked for shipping.
    position: log_record::Place,
}

/// A message to a warehouse, and what became of its request.
#[derive(Serialize)]
pub struct ShippingMessage {
    /// The shipping request.
    shipping_request_id: String,
    /// 1: goods bought for money; 2: goods got for points. Only a request has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<u8>,
    /// The account.
    account_id: AccountId,
    /// The exchange, for goods got for points.
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange_id: Option<ExchangeId>,
    /// The purchase, for goods bought for money.
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_id: Option<PurchaseId>,
    /// What is asked for, or what is left of it.
    lines: Vec<MessageLine>,
    /// The address of delivery; `null` to an auditor, and once erased. Only a request has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    deliver_to: Option<Option<String>>,
    /// The warehouse.
    warehouse: WarehouseId,
    /// The lane that the message is in.
    lane: String,
    /// Its number in the lane, from 1.
    sequence: u64,
    /// How often the request was sent, from 1. Only a request has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u64>,
    /// The position of the event.
    position: log_record::Place,
    /// When a request was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_at: Option<Timestamp>,
    /// When a change of one was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_at: Option<Timestamp>,
    /// The request's present status.
    request_status: ShippingStatus,
    /// What is still to be shipped of the request.
    request_lines: Vec<MessageLine>,
    /// Whether the goods are still wanted.
    wanted: bool,
}

/// Units of one product.
#[derive(Serialize)]
pub struct MessageLine {
    /// The product.
    product_id: ProductId,
    /// The number of units.
    quantity: Units,
}

/// A closure as it was recorded.
#[derive(Serialize)]
pub struct OfferClosedBody {
    /// The offer.
    offer_id: OfferId,
    /// The offer's version from then on.
    version: u64,
}

/// A closure of a unit as it was recorded.
#[derive(Serialize)]
pub struct UnitClosedBody {
    /// The unit.
    unit: UnitId,
    /// The unit's version from then on.
    version: u64,
}

/// A closure of a conversion rate as it was recorded.
#[derive(Serialize)]
pub struct ConversionRateClosedBody {
    /// The unit that goes.
    from: UnitId,
    /// The unit that comes.
    to: UnitId,
    /// The rate's version from then on.
    version: u64,
}

/// A reopening as it was recorded.
#[derive(Serialize)]
pub struct OfferReopenedBody {
    /// The offer.
    offer_id: OfferId,
    /// The reopening.
    reopening_id: domain::ReopeningId,
    /// The offer's version from then on.
    version: u64,
}

/// A pause as it was recorded.
#[derive(Serialize)]
pub struct OfferPausedBody {
    /// The offer.
    offer_id: OfferId,
    /// The offer's version from then on.
    version: u64,
}

/// A resumption as it was recorded.
#[derive(Serialize)]
pub struct OfferResumedBody {
    /// The offer.
    offer_id: OfferId,
    /// The resumption.
    resumption_id: domain::ResumptionId,
    /// The offer's version from then on.
    version: u64,
}

/// The name of a role.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleName {
    /// A trusted app that acts for any shopper.
    Shopper,
    /// Who grants credit.
    Merchant,
    /// Who runs the ledger.
    Operator,
    /// Who ships.
    Warehouse,
    /// Who reads everything and changes nothing.
    Auditor,
}

/// What this is, and where to read on.
#[derive(Serialize)]
pub struct AboutBody {
    /// `Guerdon`.
    name: String,
    /// What it is.
    description: String,
    /// The version of the program.
    version: String,
    /// The parts that run in this process.
    parts: Vec<String>,
    /// Where the calls begin.
    api: String,
    /// Where the calls are described: the OpenAPI document.
    document: String,
    /// A page of it.
    docs: String,
    /// Where the problems are explained.
    problems: String,
    /// Where to ask whether it serves.
    health: String,
}

//! Facts about parcels: what a warehouse did about a shipping request.

use super::Note;
use crate::{Carrier, ExchangeId, ExpressNo, PurchaseId, Timestamp};

/// What a shipping request is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Shipped {
    /// Goods got for points.
    ExchangeId(ExchangeId),
    /// Goods bought for money.
    PurchaseId(PurchaseId),
}

/// A parcel left the warehouse; from now on its goods can't be cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShipmentDispatched {
    /// What is in it.
    pub shipped: Shipped,
    /// Who carries it.
    pub carrier: Carrier,
    /// The carrier's number for it.
    pub express_no: ExpressNo,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
}

/// What became of a shipping request, where there is no more to say than who and why: it was
/// accepted, put on back order, delivered, rejected, or settled by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShipmentReport {
    /// What was to be shipped.
    pub shipped: Shipped,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
    /// Who, and why; private, and nothing once it has been erased.
    pub note: Note,
}

//! Facts about parcels: what a warehouse did about a shipping request.

use serde::{Deserialize, Serialize};

use super::Note;
use crate::{
    Carrier, DispatchId, ExchangeId, ExpressNo, ProductId, PurchaseId, Timestamp, TrackingUrl,
    Units,
};

/// What a shipping request is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Shipped {
    /// Goods got for points.
    ExchangeId(ExchangeId),
    /// Goods bought for money.
    PurchaseId(PurchaseId),
}

/// Units of one product of a shipping request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippedLine {
    /// The product.
    pub product_id: ProductId,
    /// How many units.
    pub quantity: Units,
}

/// What is in a parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParcelLines {
    /// Everything that was still to be shipped. Where nothing was, everything that had been asked
    /// for.
    Rest(Vec<ShippedLine>),
    /// What the warehouse named.
    Named {
        /// What is in it, in the order of the request's lines.
        lines: Vec<ShippedLine>,
        /// What the request asks for.
        of: Vec<ShippedLine>,
    },
}

impl ParcelLines {
    /// What is in it.
    #[must_use]
    pub fn lines(&self) -> &[ShippedLine] {
        match self {
            Self::Rest(lines) | Self::Named { lines, .. } => lines,
        }
    }
}

/// A parcel left the warehouse; from now on its goods can't be cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShipmentDispatched {
    /// Which request it is of.
    pub shipped: Shipped,
    /// The parcel, unique within the request.
    pub dispatch_id: DispatchId,
    /// What is in it.
    pub lines: ParcelLines,
    /// Who carries it.
    pub carrier: Carrier,
    /// The carrier's number for it.
    pub express_no: ExpressNo,
    /// Where the shopper can follow it.
    pub tracking_url: Option<TrackingUrl>,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
}

/// What became of a shipping request, where there is no more to say than who and why: it was
/// accepted, put on back order, delivered, rejected, or settled by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShipmentReport {
    /// What was to be shipped.
    pub shipped: Shipped,
    /// The one parcel that was delivered; without it, the report is about the whole request.
    pub dispatch_id: Option<DispatchId>,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
    /// Who, and why; private, and nothing once it has been erased.
    pub note: Note,
}

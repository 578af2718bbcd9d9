//! What a warehouse did about a shipping request.

use std::borrow::Cow;

use domain::{
    Carrier, DispatchId, ExchangeId, ExpressNo, Note, ParcelLines, ProductId, PurchaseId,
    Timestamp, TrackingUrl, Units,
};
use serde::{Deserialize, Serialize};

/// `shipment-dispatched`.
#[derive(Serialize, Deserialize)]
pub(crate) struct ShipmentDispatched<'a> {
    #[serde(flatten)]
    shipped: Shipped<'a>,
    dispatch_id: Cow<'a, DispatchId>,
    lines: Vec<ShippedLine<'a>>,
    /// Where the warehouse named the lines: what the request asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<Vec<ShippedLine<'a>>>,
    carrier: Cow<'a, Carrier>,
    express_no: Cow<'a, ExpressNo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tracking_url: Option<Cow<'a, TrackingUrl>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::ShipmentDispatched> for ShipmentDispatched<'a> {
    fn from(fact: &'a domain::ShipmentDispatched) -> Self {
        let domain::ShipmentDispatched {
            shipped,
            dispatch_id,
            lines,
            carrier,
            express_no,
            tracking_url,
            occurred_at,
        } = fact;
        let (lines, of) = match lines {
            ParcelLines::Rest(lines) => (lines, None),
            ParcelLines::Named { lines, of } => (lines, Some(of.iter().map(Into::into).collect())),
        };
        Self {
            shipped: shipped.into(),
            dispatch_id: Cow::Borrowed(dispatch_id),
            lines: lines.iter().map(Into::into).collect(),
            of,
            carrier: Cow::Borrowed(carrier),
            express_no: Cow::Borrowed(express_no),
            tracking_url: tracking_url.as_ref().map(Cow::Borrowed),
            occurred_at: *occurred_at,
        }
    }
}

impl From<ShipmentDispatched<'_>> for domain::ShipmentDispatched {
    fn from(stored: ShipmentDispatched<'_>) -> Self {
        let ShipmentDispatched {
            shipped,
            dispatch_id,
            lines,
            of,
            carrier,
            express_no,
            tracking_url,
            occurred_at,
        } = stored;
        let lines = lines.into_iter().map(Into::into).collect();
        let lines = match of {
            None => ParcelLines::Rest(lines),
            Some(of) => ParcelLines::Named { lines, of: of.into_iter().map(Into::into).collect() },
        };
        Self {
            shipped: shipped.into(),
            dispatch_id: dispatch_id.into_owned(),
            lines,
            carrier: carrier.into_owned(),
            express_no: express_no.into_owned(),
            tracking_url: tracking_url.map(Cow::into_owned),
            occurred_at,
        }
    }
}

/// `shipment-accepted`, `shipment-back-ordered`, `shipment-delivered`, `shipment-rejected` and
/// `shipment-settled`.
#[derive(Serialize, Deserialize)]
pub(crate) struct ShipmentReport<'a> {
    #[serde(flatten)]
    shipped: Shipped<'a>,
    /// The one parcel that was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dispatch_id: Option<Cow<'a, DispatchId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::ShipmentReport> for ShipmentReport<'a> {
    fn from(fact: &'a domain::ShipmentReport) -> Self {
        // What is private goes into the private text.
        let domain::ShipmentReport { shipped, dispatch_id, occurred_at, note: _ } = fact;
        let dispatch_id = dispatch_id.as_ref().map(Cow::Borrowed);
        Self { shipped: shipped.into(), dispatch_id, occurred_at: *occurred_at }
    }
}

impl From<ShipmentReport<'_>> for domain::ShipmentReport {
    fn from(stored: ShipmentReport<'_>) -> Self {
        let ShipmentReport { shipped, dispatch_id, occurred_at } = stored;
        let dispatch_id = dispatch_id.map(Cow::into_owned);
        Self { shipped: shipped.into(), dispatch_id, occurred_at, note: Note::default() }
    }
}

/// Units of one product.
#[derive(Serialize, Deserialize)]
struct ShippedLine<'a> {
    product_id: Cow<'a, ProductId>,
    quantity: Units,
}

impl<'a> From<&'a domain::ShippedLine> for ShippedLine<'a> {
    fn from(fact: &'a domain::ShippedLine) -> Self {
        let domain::ShippedLine { product_id, quantity } = fact;
        Self { product_id: Cow::Borrowed(product_id), quantity: *quantity }
    }
}

impl From<ShippedLine<'_>> for domain::ShippedLine {
    fn from(stored: ShippedLine<'_>) -> Self {
        let ShippedLine { product_id, quantity } = stored;
        Self { product_id: product_id.into_owned(), quantity }
    }
}

/// What a shipping request is for: an exchange or a purchase.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shipped<'a> {
    ExchangeId(Cow<'a, ExchangeId>),
    PurchaseId(Cow<'a, PurchaseId>),
}

impl<'a> From<&'a domain::Shipped> for Shipped<'a> {
    fn from(shipped: &'a domain::Shipped) -> Self {
        match shipped {
            domain::Shipped::ExchangeId(id) => Self::ExchangeId(Cow::Borrowed(id)),
            domain::Shipped::PurchaseId(id) => Self::PurchaseId(Cow::Borrowed(id)),
        }
    }
}

impl From<Shipped<'_>> for domain::Shipped {
    fn from(stored: Shipped<'_>) -> Self {
        match stored {
            Shipped::ExchangeId(id) => Self::ExchangeId(id.into_owned()),
            Shipped::PurchaseId(id) => Self::PurchaseId(id.into_owned()),
        }
    }
}

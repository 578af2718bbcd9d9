//! What a warehouse did about a shipping request.

use std::borrow::Cow;

use domain::{Carrier, ExchangeId, ExpressNo, Note, PurchaseId, Timestamp};
use serde::{Deserialize, Serialize};

/// `shipment-dispatched`.
#[derive(Serialize, Deserialize)]
pub(crate) struct ShipmentDispatched<'a> {
    #[serde(flatten)]
    shipped: Shipped<'a>,
    carrier: Cow<'a, Carrier>,
    express_no: Cow<'a, ExpressNo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::ShipmentDispatched> for ShipmentDispatched<'a> {
    fn from(fact: &'a domain::ShipmentDispatched) -> Self {
        let domain::ShipmentDispatched { shipped, carrier, express_no, occurred_at } = fact;
        Self {
            shipped: shipped.into(),
            carrier: Cow::Borrowed(carrier),
            express_no: Cow::Borrowed(express_no),
            occurred_at: *occurred_at,
        }
    }
}

impl From<ShipmentDispatched<'_>> for domain::ShipmentDispatched {
    fn from(stored: ShipmentDispatched<'_>) -> Self {
        let ShipmentDispatched { shipped, carrier, express_no, occurred_at } = stored;
        Self {
            shipped: shipped.into(),
            carrier: carrier.into_owned(),
            express_no: express_no.into_owned(),
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::ShipmentReport> for ShipmentReport<'a> {
    fn from(fact: &'a domain::ShipmentReport) -> Self {
        // What is private goes into the private text.
        let domain::ShipmentReport { shipped, occurred_at, note: _ } = fact;
        Self { shipped: shipped.into(), occurred_at: *occurred_at }
    }
}

impl From<ShipmentReport<'_>> for domain::ShipmentReport {
    fn from(stored: ShipmentReport<'_>) -> Self {
        let ShipmentReport { shipped, occurred_at } = stored;
        Self { shipped: shipped.into(), occurred_at, note: Note::default() }
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

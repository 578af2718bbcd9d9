//! Offers.

use std::borrow::Cow;

use domain::{AdditionId, OfferId, Points, ProductId, Terms, Timestamp, Units, WarehouseId};
use serde::{Deserialize, Serialize};

/// `offer-opened`.
#[derive(Serialize, Deserialize)]
pub(crate) struct OfferOpened<'a> {
    offer_id: Cow<'a, OfferId>,
    product_id: Cow<'a, ProductId>,
    price: Points,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opens_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closes_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit_per_shopper: Option<Units>,
    warehouse: Cow<'a, WarehouseId>,
    /// `null` where there is no end of them.
    stock: Option<Units>,
}

impl<'a> From<&'a domain::OfferOpened> for OfferOpened<'a> {
    fn from(fact: &'a domain::OfferOpened) -> Self {
        let domain::OfferOpened { offer_id, terms, stock } = fact;
        let Terms { product_id, price, opens_at, closes_at, limit_per_shopper, warehouse } = terms;
        Self {
            offer_id: Cow::Borrowed(offer_id),
            product_id: Cow::Borrowed(product_id),
            price: *price,
            opens_at: *opens_at,
            closes_at: *closes_at,
            limit_per_shopper: *limit_per_shopper,
            warehouse: Cow::Borrowed(warehouse),
            stock: *stock,
        }
    }
}

impl From<OfferOpened<'_>> for domain::OfferOpened {
    fn from(stored: OfferOpened<'_>) -> Self {
        let OfferOpened {
            offer_id,
            product_id,
            price,
            opens_at,
            closes_at,
            limit_per_shopper,
            warehouse,
            stock,
        } = stored;
        let (product_id, warehouse) = (product_id.into_owned(), warehouse.into_owned());
        let terms = Terms { product_id, price, opens_at, closes_at, limit_per_shopper, warehouse };
        Self { offer_id: offer_id.into_owned(), terms, stock }
    }
}

/// `offer-amended`.
#[derive(Serialize, Deserialize)]
pub(crate) struct OfferAmended<'a> {
    offer_id: Cow<'a, OfferId>,
    version: u64,
    product_id: Cow<'a, ProductId>,
    price: Points,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opens_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closes_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit_per_shopper: Option<Units>,
    warehouse: Cow<'a, WarehouseId>,
}

impl<'a> From<&'a domain::OfferAmended> for OfferAmended<'a> {
    fn from(fact: &'a domain::OfferAmended) -> Self {
        let domain::OfferAmended { offer_id, version, terms } = fact;
        let Terms { product_id, price, opens_at, closes_at, limit_per_shopper, warehouse } = terms;
        Self {
            offer_id: Cow::Borrowed(offer_id),
            version: *version,
            product_id: Cow::Borrowed(product_id),
            price: *price,
            opens_at: *opens_at,
            closes_at: *closes_at,
            limit_per_shopper: *limit_per_shopper,
            warehouse: Cow::Borrowed(warehouse),
        }
    }
}

impl From<OfferAmended<'_>> for domain::OfferAmended {
    fn from(stored: OfferAmended<'_>) -> Self {
        let OfferAmended {
            offer_id,
            version,
            product_id,
            price,
            opens_at,
            closes_at,
            limit_per_shopper,
            warehouse,
        } = stored;
        let (product_id, warehouse) = (product_id.into_owned(), warehouse.into_owned());
        let terms = Terms { product_id, price, opens_at, closes_at, limit_per_shopper, warehouse };
        Self { offer_id: offer_id.into_owned(), version, terms }
    }
}

/// `offer-closed`.
#[derive(Serialize, Deserialize)]
pub(crate) struct OfferClosed<'a> {
    offer_id: Cow<'a, OfferId>,
}

impl<'a> From<&'a domain::OfferClosed> for OfferClosed<'a> {
    fn from(fact: &'a domain::OfferClosed) -> Self {
        let domain::OfferClosed { offer_id } = fact;
        Self { offer_id: Cow::Borrowed(offer_id) }
    }
}

impl From<OfferClosed<'_>> for domain::OfferClosed {
    fn from(stored: OfferClosed<'_>) -> Self {
        let OfferClosed { offer_id } = stored;
        Self { offer_id: offer_id.into_owned() }
    }
}

/// `stock-added`.
#[derive(Serialize, Deserialize)]
pub(crate) struct StockAdded<'a> {
    offer_id: Cow<'a, OfferId>,
    addition_id: Cow<'a, AdditionId>,
    units: Units,
}

impl<'a> From<&'a domain::StockAdded> for StockAdded<'a> {
    fn from(fact: &'a domain::StockAdded) -> Self {
        let domain::StockAdded { offer_id, addition_id, units } = fact;
        Self {
            offer_id: Cow::Borrowed(offer_id),
            addition_id: Cow::Borrowed(addition_id),
            units: *units,
        }
    }
}

impl From<StockAdded<'_>> for domain::StockAdded {
    fn from(stored: StockAdded<'_>) -> Self {
        let StockAdded { offer_id, addition_id, units } = stored;
        Self { offer_id: offer_id.into_owned(), addition_id: addition_id.into_owned(), units }
    }
}

//! The stock of offers.

use std::borrow::Cow;

use domain::{AdditionId, OfferId, RemovalId, Units};
use serde::{Deserialize, Serialize};

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

/// `stock-removed`.
#[derive(Serialize, Deserialize)]
pub(crate) struct StockRemoved<'a> {
    offer_id: Cow<'a, OfferId>,
    removal_id: Cow<'a, RemovalId>,
    units: Units,
}

impl<'a> From<&'a domain::StockRemoved> for StockRemoved<'a> {
    fn from(fact: &'a domain::StockRemoved) -> Self {
        let domain::StockRemoved { offer_id, removal_id, units } = fact;
        Self {
            offer_id: Cow::Borrowed(offer_id),
            removal_id: Cow::Borrowed(removal_id),
            units: *units,
        }
    }
}

impl From<StockRemoved<'_>> for domain::StockRemoved {
    fn from(stored: StockRemoved<'_>) -> Self {
        let StockRemoved { offer_id, removal_id, units } = stored;
        Self { offer_id: offer_id.into_owned(), removal_id: removal_id.into_owned(), units }
    }
}

/// `stock-amended`.
#[derive(Serialize, Deserialize)]
pub(crate) struct StockAmended<'a> {
    offer_id: Cow<'a, OfferId>,
    version: u64,
    /// `null` where there is no end of them.
    stock: Option<Units>,
}

impl<'a> From<&'a domain::StockAmended> for StockAmended<'a> {
    fn from(fact: &'a domain::StockAmended) -> Self {
        let domain::StockAmended { offer_id, version, stock } = fact;
        Self { offer_id: Cow::Borrowed(offer_id), version: *version, stock: *stock }
    }
}

impl From<StockAmended<'_>> for domain::StockAmended {
    fn from(stored: StockAmended<'_>) -> Self {
        let StockAmended { offer_id, version, stock } = stored;
        Self { offer_id: offer_id.into_owned(), version, stock }
    }
}

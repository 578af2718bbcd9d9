//! Facts about offers.

use crate::{AdditionId, OfferId, Page, Terms, Units};

/// An offer came into being, open within its window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferOpened {
    /// The offer.
    pub offer_id: OfferId,
    /// Its first terms.
    pub terms: Terms,
    /// What a page shows of it.
    pub page: Page,
    /// How many there are to begin with; without it there is no end of them.
    pub stock: Option<Units>,
}

/// An offer's terms were replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferAmended {
    /// The offer.
    pub offer_id: OfferId,
    /// The version that these terms are; the first terms were version 1.
    pub version: u64,
    /// The terms from now on, whole.
    pub terms: Terms,
    /// What a page shows of it from now on, whole.
    pub page: Page,
}

/// An offer ended for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferClosed {
    /// The offer.
    pub offer_id: OfferId,
}

/// An offer's stock grew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockAdded {
    /// The offer.
    pub offer_id: OfferId,
    /// The caller's id for this addition.
    pub addition_id: AdditionId,
    /// By how many.
    pub units: Units,
}

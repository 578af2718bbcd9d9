//! Facts about offers.

use crate::{AdditionId, OfferId, Page, RemovalId, ReopeningId, ResumptionId, Terms, Units};

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

/// An offer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferClosed {
    /// The offer.
    pub offer_id: OfferId,
    /// The version that it is with this.
    pub version: u64,
}

/// An offer takes no redemptions until it is resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferPaused {
    /// The offer.
    pub offer_id: OfferId,
    /// The version that it is with this.
    pub version: u64,
}

/// An offer that was paused goes on, under its terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferResumed {
    /// The offer.
    pub offer_id: OfferId,
    /// The caller's id for this resumption.
    pub resumption_id: ResumptionId,
    /// The version that it is with this.
    pub version: u64,
}

/// An offer that was closed goes on, under its terms; what each shopper had stays counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferReopened {
    /// The offer.
    pub offer_id: OfferId,
    /// The caller's id for this reopening.
    pub reopening_id: ReopeningId,
    /// The version that it is with this.
    pub version: u64,
}

/// An offer's stock became limited, or unlimited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockAmended {
    /// The offer.
    pub offer_id: OfferId,
    /// The version that it is with this.
    pub version: u64,
    /// How many there are in all, those that are sold included; without it there is no end of them.
    pub stock: Option<Units>,
}

/// Units that nobody had bought were taken out of an offer's stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockRemoved {
    /// The offer.
    pub offer_id: OfferId,
    /// The caller's id for this removal.
    pub removal_id: RemovalId,
    /// How many.
    pub units: Units,
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

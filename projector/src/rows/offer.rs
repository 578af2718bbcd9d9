//! Offers: their terms, and what is left of them.

use domain::{OfferAmended, OfferClosed, OfferOpened, StockAdded, Terms, Timestamp};

use super::{At, Rows, int};

/// An offer's terms after the batch; the stock counts where the batch opened it.
#[derive(Debug)]
pub(crate) struct OfferTerms {
    pub(crate) product_id: String,
    pub(crate) price: i64,
    pub(crate) stock: Option<i64>,
    pub(crate) opens_at: Option<i64>,
    pub(crate) closes_at: Option<i64>,
    pub(crate) limit_per_shopper: Option<i64>,
    pub(crate) warehouse: String,
    pub(crate) version: i64,
    pub(crate) partition: u16,
    pub(crate) position: i64,
}

/// By how much an offer's stock changes, and whether it was closed.
#[derive(Debug, Default)]
pub(crate) struct OfferChange {
    pub(crate) stock: i64,
    pub(crate) remaining: i64,
    /// The position of the closing.
    pub(crate) closed_at: Option<i64>,
}

impl Rows {
    pub(super) fn offer_opened(&mut self, at: At<'_>, fact: OfferOpened) {
        let stock = fact.stock.map(|stock| int(stock.get()));
        self.offers.insert(fact.offer_id, offer_terms(at, &fact.terms, 1, stock));
    }

    pub(super) fn offer_amended(&mut self, at: At<'_>, fact: OfferAmended) {
        let stock = self.offers.get(&fact.offer_id).and_then(|offer| offer.stock);
        let terms = offer_terms(at, &fact.terms, int(fact.version), stock);
        self.offers.insert(fact.offer_id, terms);
    }

    pub(super) fn offer_closed(&mut self, at: At<'_>, fact: OfferClosed) {
        let change = self.offer_changes.entry(fact.offer_id).or_default();
        change.closed_at = Some(at.position());
    }

    pub(super) fn stock_added(&mut self, fact: StockAdded) {
        let change = self.offer_changes.entry(fact.offer_id).or_default();
        change.stock += int(fact.units.get());
        change.remaining += int(fact.units.get());
    }
}

fn offer_terms(at: At<'_>, terms: &Terms, version: i64, stock: Option<i64>) -> OfferTerms {
    OfferTerms {
        product_id: terms.product_id.to_string(),
        price: int(terms.price.get()),
        stock,
        opens_at: terms.opens_at.map(Timestamp::micros),
        closes_at: terms.closes_at.map(Timestamp::micros),
        limit_per_shopper: terms.limit_per_shopper.map(|limit| int(limit.get())),
        warehouse: terms.warehouse.to_string(),
        version,
        partition: at.partition(),
        position: at.position(),
    }
}

//! Offers: their terms, and what is left of them.

use domain::{OfferAmended, OfferClosed, OfferId, OfferOpened, Page, StockAdded, Terms, Timestamp};
use read_model::{OfferAvailability, row};

use super::{At, Rows, int};

row! {
    /// By how much an offer's stock changes, and where it was closed if it was.
    #[derive(Default)]
    pub(crate) struct OfferChange in "offer_availability" {
        offer_id: String,
        stock: i64,
        remaining: i64,
        closed_at: Option<i64>,
    }
}

impl Rows {
    pub(super) fn offer_opened(&mut self, at: At<'_>, fact: OfferOpened) {
        let stock = fact.stock.map(|stock| int(stock.get()));
        let offer = offer(at, &fact.offer_id, (&fact.terms, &fact.page), 1, stock);
        self.offers.insert(fact.offer_id, offer);
    }

    pub(super) fn offer_amended(&mut self, at: At<'_>, fact: OfferAmended) {
        let stock = self.offers.get(&fact.offer_id).and_then(|offer| offer.stock);
        let offer = offer(at, &fact.offer_id, (&fact.terms, &fact.page), int(fact.version), stock);
        self.offers.insert(fact.offer_id, offer);
    }

    pub(super) fn offer_closed(&mut self, at: At<'_>, fact: OfferClosed) {
        let change = self.change_offer(&fact.offer_id);
        change.closed_at = Some(at.position());
    }

    pub(super) fn stock_added(&mut self, fact: StockAdded) {
        let change = self.change_offer(&fact.offer_id);
        change.stock += int(fact.units.get());
        change.remaining += int(fact.units.get());
    }

    pub(super) fn change_offer(&mut self, id: &OfferId) -> &mut OfferChange {
        self.offer_changes
            .entry(id.clone())
            .or_insert_with(|| OfferChange { offer_id: id.to_string(), ..OfferChange::default() })
    }
}

/// An offer's terms after the batch; stock, remaining and phase count where the offer is new.
fn offer(
    at: At<'_>,
    offer_id: &OfferId,
    (terms, page): (&Terms, &Page),
    version: i64,
    stock: Option<i64>,
) -> OfferAvailability {
    let Page { name, description, image_url, category, attributes } = page;
    OfferAvailability {
        offer_id: offer_id.to_string(),
        product_id: terms.product_id.to_string(),
        price: int(terms.price.get()),
        stock,
        remaining: stock,
        opens_at: terms.opens_at.map(Timestamp::micros),
        closes_at: terms.closes_at.map(Timestamp::micros),
        limit_per_shopper: terms.limit_per_shopper.map(|limit| int(limit.get())),
        warehouse: terms.warehouse.to_string(),
        name: name.as_ref().map(|name| name.as_str().into()),
        description: description.as_ref().map(|description| description.as_str().into()),
        image_url: image_url.as_ref().map(|url| url.as_str().into()),
        category: category.as_ref().map(ToString::to_string),
        attributes: attributes.as_ref().map(|attributes| attributes.as_str().into()),
        version,
        phase: "open".into(),
        partition: at.partition().into(),
        position: at.position(),
    }
}

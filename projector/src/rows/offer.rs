//! Offers: their terms, and what is left of them.

use domain::{
    CodesUploaded, OfferAmended, OfferClosed, OfferId, OfferOpened, OfferPaused, OfferReopened,
    OfferResumed, Page, Price, StockAdded, StockAmended, StockRemoved, Terms, Timestamp,
};
use read_model::{OfferAvailability, OfferSold, row};

use super::{At, Rows, further, int, json};

row! {
    /// Changes of an offer other than its terms. If `is_whole`, `stock` is the new stock; otherwise
    /// it is added to the stock.
    pub(crate) struct OfferChange in "offer_availability" {
        offer_id: String,
        is_whole: bool,
        stock: Option<i64>,
        sold: i64,
        version: Option<i64>,
        phase: Option<String>,
        position: Option<i64>,
    }
}

impl Rows {
    pub(super) fn offer_opened(
        &mut self,
        at: At<'_>,
        fact: OfferOpened,
    ) -> Result<(), serde_json::Error> {
        let no_codes = fact.terms.codes.then_some(0);
        let stock = fact.stock.map(|stock| int(stock.get())).or(no_codes);
        let offer = offer(at, &fact.offer_id, (&fact.terms, &fact.page), 1, stock)?;
        self.offers.insert(fact.offer_id, offer);
        Ok(())
    }

    pub(super) fn offer_amended(
        &mut self,
        at: At<'_>,
        fact: OfferAmended,
    ) -> Result<(), serde_json::Error> {
        let stock = self.offers.get(&fact.offer_id).and_then(|offer| offer.stock);
        let version = int(fact.version);
        let offer = offer(at, &fact.offer_id, (&fact.terms, &fact.page), version, stock)?;
        // Changes from earlier in this batch are written after the terms, so they must have this
        // version, too.
        self.change_offer(&fact.offer_id).make_version(at, fact.version);
        self.offers.insert(fact.offer_id, offer);
        Ok(())
    }

    pub(super) fn offer_closed(&mut self, at: At<'_>, fact: OfferClosed) {
        let change = self.change_offer(&fact.offer_id);
        change.make_version(at, fact.version);
        change.phase = Some("closed".into());
    }

    pub(super) fn offer_reopened(&mut self, at: At<'_>, fact: OfferReopened) {
        let change = self.change_offer(&fact.offer_id);
        change.make_version(at, fact.version);
        change.phase = Some("open".into());
    }

    pub(super) fn offer_paused(&mut self, at: At<'_>, fact: OfferPaused) {
        let change = self.change_offer(&fact.offer_id);
        change.make_version(at, fact.version);
        change.phase = Some("paused".into());
    }

    pub(super) fn offer_resumed(&mut self, at: At<'_>, fact: OfferResumed) {
        let change = self.change_offer(&fact.offer_id);
        change.make_version(at, fact.version);
        change.phase = Some("open".into());
    }

    pub(super) fn stock_added(&mut self, fact: StockAdded) {
        self.change_offer(&fact.offer_id).add_stock(int(fact.units.get()));
    }

    pub(super) fn codes_uploaded(&mut self, fact: &CodesUploaded) {
        self.change_offer(&fact.offer_id).add_stock(int(fact.codes.get()));
    }

    pub(super) fn stock_removed(&mut self, fact: StockRemoved) {
        self.change_offer(&fact.offer_id).add_stock(-int(fact.units.get()));
    }

    pub(super) fn stock_amended(&mut self, at: At<'_>, fact: StockAmended) {
        let change = self.change_offer(&fact.offer_id);
        change.make_version(at, fact.version);
        change.is_whole = true;
        change.stock = fact.stock.map(|stock| int(stock.get()));
    }

    /// So many units more are with shoppers. The offer's own row counts those of its home, for no
    /// other partition's projection writes there.
    pub(super) fn sell(&mut self, at: At<'_>, id: &OfferId, units: i64) {
        if self.is_elsewhere(at, |partitions| id.home(partitions)) {
            let sold = self.sold_elsewhere.entry(id.clone()).or_insert_with(|| OfferSold {
                offer_id: id.to_string(),
                partition: at.partition().into(),
                sold: 0,
            });
            sold.sold += units;
        } else {
            self.change_offer(id).sold += units;
        }
    }

    pub(super) fn change_offer(&mut self, id: &OfferId) -> &mut OfferChange {
        self.offer_changes.entry(id.clone()).or_insert_with(|| OfferChange {
            offer_id: id.to_string(),
            is_whole: false,
            stock: Some(0),
            sold: 0,
            version: None,
            phase: None,
            position: None,
        })
    }
}

impl OfferChange {
    /// Adds to the stock, unless it became unlimited.
    fn add_stock(&mut self, units: i64) {
        self.stock = self.stock.map(|stock| stock + units);
    }

    fn make_version(&mut self, at: At<'_>, version: u64) {
        self.version = Some(int(version));
        self.position = Some(at.position());
    }
}

/// An offer's terms after the batch; stock, units sold and phase count where the offer is new.
fn offer(
    at: At<'_>,
    offer_id: &OfferId,
    (terms, page): (&Terms, &Page),
    version: i64,
    stock: Option<i64>,
) -> Result<OfferAvailability, serde_json::Error> {
    let Page { name, description, image_url, category, attributes, remaining_shown } = page;
    let Price { unit, points } = terms.prices.first();
    Ok(OfferAvailability {
        offer_id: offer_id.to_string(),
        product_id: terms.product_id.to_string(),
        unit: unit.to_string(),
        price: int(points.get()),
        further_prices: further(&terms.prices)?,
        tier: terms.tier.as_ref().map(json).transpose()?,
        segment: terms.segment.map(|segment| segment.to_string()),
        tier_prices: Some(&terms.tier_prices).filter(|it| !it.is_empty()).map(json).transpose()?,
        stock,
        sold: 0,
        opens_at: terms.opens_at.map(Timestamp::micros),
        closes_at: terms.closes_at.map(Timestamp::micros),
        limit_per_shopper: terms.limit_per_shopper.map(|limit| int(limit.get())),
        limits_per_shopper: Some(&terms.period_limits)
            .filter(|limits| !limits.is_empty())
            .map(json)
            .transpose()?,
        time_zone: terms.time_zone.name().to_owned(),
        warehouse: terms.warehouse.to_string(),
        ships: terms.ships,
        codes: terms.codes,
        name: name.as_ref().map(|name| name.as_str().into()),
        description: description.as_ref().map(|description| description.as_str().into()),
        image_url: image_url.as_ref().map(|url| url.as_str().into()),
        category: category.as_ref().map(ToString::to_string),
        attributes: attributes.as_ref().map(|attributes| attributes.as_str().into()),
        remaining_shown: remaining_shown.map(|shown| shown.as_str().into()),
        version,
        phase: "open".into(),
        partition: at.partition().into(),
        position: at.position(),
    })
}

//! Offers.

use std::borrow::Cow;

use domain::{
    Attributes, Category, Description, ImageUrl, LadderTier, OfferId, OfferName, Page, Prices,
    ProductId, RemainingShown, ReopeningId, ResumptionId, SegmentId, Terms, TierPrices, TimeZone,
    Timestamp, Units, WarehouseId,
};
use serde::{Deserialize, Serialize};

use super::is_false;
use super::limit::PeriodLimits;

/// What a page shows of an offer, as the events have it.
#[derive(Default, Serialize, Deserialize)]
struct StoredPage<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, OfferName>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<Cow<'a, Description>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image_url: Option<Cow<'a, ImageUrl>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<Cow<'a, Category>>,
    /// The text of a JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attributes: Option<Cow<'a, Attributes>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remaining_shown: Option<RemainingShown>,
}

impl<'a> From<&'a Page> for StoredPage<'a> {
    fn from(page: &'a Page) -> Self {
        let Page { name, description, image_url, category, attributes, remaining_shown } = page;
        Self {
            name: name.as_ref().map(Cow::Borrowed),
            description: description.as_ref().map(Cow::Borrowed),
            image_url: image_url.as_ref().map(Cow::Borrowed),
            category: category.as_ref().map(Cow::Borrowed),
            attributes: attributes.as_ref().map(Cow::Borrowed),
            remaining_shown: *remaining_shown,
        }
    }
}

impl From<StoredPage<'_>> for Page {
    fn from(stored: StoredPage<'_>) -> Self {
        let StoredPage { name, description, image_url, category, attributes, remaining_shown } =
            stored;
        Self {
            name: name.map(Cow::into_owned),
            description: description.map(Cow::into_owned),
            image_url: image_url.map(Cow::into_owned),
            category: category.map(Cow::into_owned),
            attributes: attributes.map(Cow::into_owned),
            remaining_shown,
        }
    }
}

/// `offer-opened`.
#[derive(Serialize, Deserialize)]
pub(crate) struct OfferOpened<'a> {
    offer_id: Cow<'a, OfferId>,
    product_id: Cow<'a, ProductId>,
    /// 0 points where it is free.
    prices: Cow<'a, Prices>,
    /// Missing where it is for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tier: Option<LadderTier>,
    /// Missing where it is for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    segment: Option<SegmentId>,
    #[serde(default, skip_serializing_if = "are_none")]
    tier_prices: Cow<'a, TierPrices>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opens_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closes_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit_per_shopper: Option<Units>,
    #[serde(default, skip_serializing_if = "PeriodLimits::is_empty")]
    limits_per_shopper: PeriodLimits,
    /// Missing where it is UTC.
    #[serde(default, skip_serializing_if = "is_utc")]
    time_zone: Cow<'a, TimeZone>,
    warehouse: Cow<'a, WarehouseId>,
    /// `false` where nothing is shipped; else missing.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    ships: bool,
    /// `true` where each piece is a code; else missing.
    #[serde(default, skip_serializing_if = "is_false")]
    codes: bool,
    #[serde(flatten)]
    page: StoredPage<'a>,
    /// `null` where there is no end of them.
    stock: Option<Units>,
}

impl<'a> From<&'a domain::OfferOpened> for OfferOpened<'a> {
    fn from(fact: &'a domain::OfferOpened) -> Self {
        let domain::OfferOpened { offer_id, terms, page, stock } = fact;
        let Terms {
            product_id,
            prices,
            tier,
            segment,
            tier_prices,
            opens_at,
            closes_at,
            limit_per_shopper,
            period_limits,
            time_zone,
            warehouse,
            ships,
            codes,
        } = terms;
        Self {
            offer_id: Cow::Borrowed(offer_id),
            product_id: Cow::Borrowed(product_id),
            prices: Cow::Borrowed(prices),
            tier: *tier,
            segment: *segment,
            tier_prices: Cow::Borrowed(tier_prices),
            opens_at: *opens_at,
            closes_at: *closes_at,
            limit_per_shopper: *limit_per_shopper,
            limits_per_shopper: (*period_limits).into(),
            time_zone: Cow::Borrowed(time_zone),
            warehouse: Cow::Borrowed(warehouse),
            ships: *ships,
            codes: *codes,
            page: page.into(),
            stock: *stock,
        }
    }
}

impl From<OfferOpened<'_>> for domain::OfferOpened {
    fn from(stored: OfferOpened<'_>) -> Self {
        let OfferOpened {
            offer_id,
            product_id,
            prices,
            tier,
            segment,
            tier_prices,
            opens_at,
            closes_at,
            limit_per_shopper,
            limits_per_shopper,
            time_zone,
            warehouse,
            ships,
            codes,
            page,
            stock,
        } = stored;
        let (product_id, warehouse) = (product_id.into_owned(), warehouse.into_owned());
        let terms = Terms {
            product_id,
            prices: prices.into_owned(),
            tier,
            segment,
            tier_prices: tier_prices.into_owned(),
            opens_at,
            closes_at,
            limit_per_shopper,
            period_limits: limits_per_shopper.into(),
            time_zone: time_zone.into_owned(),
            warehouse,
            ships,
            codes,
        };
        Self { offer_id: offer_id.into_owned(), terms, page: page.into(), stock }
    }
}

/// `offer-amended`.
#[derive(Serialize, Deserialize)]
pub(crate) struct OfferAmended<'a> {
    offer_id: Cow<'a, OfferId>,
    version: u64,
    product_id: Cow<'a, ProductId>,
    /// 0 points where it is free.
    prices: Cow<'a, Prices>,
    /// Missing where it is for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tier: Option<LadderTier>,
    /// Missing where it is for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    segment: Option<SegmentId>,
    #[serde(default, skip_serializing_if = "are_none")]
    tier_prices: Cow<'a, TierPrices>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opens_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closes_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit_per_shopper: Option<Units>,
    #[serde(default, skip_serializing_if = "PeriodLimits::is_empty")]
    limits_per_shopper: PeriodLimits,
    /// Missing where it is UTC.
    #[serde(default, skip_serializing_if = "is_utc")]
    time_zone: Cow<'a, TimeZone>,
    warehouse: Cow<'a, WarehouseId>,
    /// `false` where nothing is shipped; else missing.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    ships: bool,
    /// `true` where each piece is a code; else missing.
    #[serde(default, skip_serializing_if = "is_false")]
    codes: bool,
    #[serde(flatten)]
    page: StoredPage<'a>,
}

impl<'a> From<&'a domain::OfferAmended> for OfferAmended<'a> {
    fn from(fact: &'a domain::OfferAmended) -> Self {
        let domain::OfferAmended { offer_id, version, terms, page } = fact;
        Self::new(offer_id, *version, terms, page.into())
    }
}

impl<'a> OfferAmended<'a> {
    fn new(offer_id: &'a OfferId, version: u64, terms: &'a Terms, page: StoredPage<'a>) -> Self {
        let Terms {
            product_id,
            prices,
            tier,
            segment,
            tier_prices,
            opens_at,
            closes_at,
            limit_per_shopper,
            period_limits,
            time_zone,
            warehouse,
            ships,
            codes,
        } = terms;
        Self {
            offer_id: Cow::Borrowed(offer_id),
            version,
            product_id: Cow::Borrowed(product_id),
            prices: Cow::Borrowed(prices),
            tier: *tier,
            segment: *segment,
            tier_prices: Cow::Borrowed(tier_prices),
            opens_at: *opens_at,
            closes_at: *closes_at,
            limit_per_shopper: *limit_per_shopper,
            limits_per_shopper: (*period_limits).into(),
            time_zone: Cow::Borrowed(time_zone),
            warehouse: Cow::Borrowed(warehouse),
            ships: *ships,
            codes: *codes,
            page,
        }
    }
}

impl From<OfferAmended<'_>> for domain::OfferAmended {
    fn from(stored: OfferAmended<'_>) -> Self {
        let OfferAmended {
            offer_id,
            version,
            product_id,
            prices,
            tier,
            segment,
            tier_prices,
            opens_at,
            closes_at,
            limit_per_shopper,
            limits_per_shopper,
            time_zone,
            warehouse,
            ships,
            codes,
            page,
        } = stored;
        let (product_id, warehouse) = (product_id.into_owned(), warehouse.into_owned());
        let terms = Terms {
            product_id,
            prices: prices.into_owned(),
            tier,
            segment,
            tier_prices: tier_prices.into_owned(),
            opens_at,
            closes_at,
            limit_per_shopper,
            period_limits: limits_per_shopper.into(),
            time_zone: time_zone.into_owned(),
            warehouse,
            ships,
            codes,
        };
        Self { offer_id: offer_id.into_owned(), version, terms, page: page.into() }
    }
}

/// What an offer is, as a message tells other partitions: an amendment's terms without a page.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct OfferTerms<'a>(OfferAmended<'a>);

impl<'a> OfferTerms<'a> {
    pub(super) fn new(offer_id: &'a OfferId, version: u64, terms: &'a Terms) -> Self {
        Self(OfferAmended::new(offer_id, version, terms, StoredPage::default()))
    }

    pub(super) fn into_terms(self) -> (OfferId, u64, Terms) {
        let domain::OfferAmended { offer_id, version, terms, page: _ } = self.0.into();
        (offer_id, version, terms)
    }
}

/// `offer-closed`.
#[derive(Serialize, Deserialize)]
pub(crate) struct OfferClosed<'a> {
    offer_id: Cow<'a, OfferId>,
    version: u64,
}

impl<'a> From<&'a domain::OfferClosed> for OfferClosed<'a> {
    fn from(fact: &'a domain::OfferClosed) -> Self {
        let domain::OfferClosed { offer_id, version } = fact;
        Self { offer_id: Cow::Borrowed(offer_id), version: *version }
    }
}

impl From<OfferClosed<'_>> for domain::OfferClosed {
    fn from(stored: OfferClosed<'_>) -> Self {
        let OfferClosed { offer_id, version } = stored;
        Self { offer_id: offer_id.into_owned(), version }
    }
}

/// `offer-reopened`.
#[derive(Serialize, Deserialize)]
pub(crate) struct OfferReopened<'a> {
    offer_id: Cow<'a, OfferId>,
    reopening_id: Cow<'a, ReopeningId>,
    version: u64,
}

impl<'a> From<&'a domain::OfferReopened> for OfferReopened<'a> {
    fn from(fact: &'a domain::OfferReopened) -> Self {
        let domain::OfferReopened { offer_id, reopening_id, version } = fact;
        Self {
            offer_id: Cow::Borrowed(offer_id),
            reopening_id: Cow::Borrowed(reopening_id),
            version: *version,
        }
    }
}

impl From<OfferReopened<'_>> for domain::OfferReopened {
    fn from(stored: OfferReopened<'_>) -> Self {
        let OfferReopened { offer_id, reopening_id, version } = stored;
        let (offer_id, reopening_id) = (offer_id.into_owned(), reopening_id.into_owned());
        Self { offer_id, reopening_id, version }
    }
}

/// `offer-paused`.
#[derive(Serialize, Deserialize)]
pub(crate) struct OfferPaused<'a> {
    offer_id: Cow<'a, OfferId>,
    version: u64,
}

impl<'a> From<&'a domain::OfferPaused> for OfferPaused<'a> {
    fn from(fact: &'a domain::OfferPaused) -> Self {
        let domain::OfferPaused { offer_id, version } = fact;
        Self { offer_id: Cow::Borrowed(offer_id), version: *version }
    }
}

impl From<OfferPaused<'_>> for domain::OfferPaused {
    fn from(stored: OfferPaused<'_>) -> Self {
        let OfferPaused { offer_id, version } = stored;
        Self { offer_id: offer_id.into_owned(), version }
    }
}

/// `offer-resumed`.
#[derive(Serialize, Deserialize)]
pub(crate) struct OfferResumed<'a> {
    offer_id: Cow<'a, OfferId>,
    resumption_id: Cow<'a, ResumptionId>,
    version: u64,
}

impl<'a> From<&'a domain::OfferResumed> for OfferResumed<'a> {
    fn from(fact: &'a domain::OfferResumed) -> Self {
        let domain::OfferResumed { offer_id, resumption_id, version } = fact;
        Self {
            offer_id: Cow::Borrowed(offer_id),
            resumption_id: Cow::Borrowed(resumption_id),
            version: *version,
        }
    }
}

impl From<OfferResumed<'_>> for domain::OfferResumed {
    fn from(stored: OfferResumed<'_>) -> Self {
        let OfferResumed { offer_id, resumption_id, version } = stored;
        let (offer_id, resumption_id) = (offer_id.into_owned(), resumption_id.into_owned());
        Self { offer_id, resumption_id, version }
    }
}

fn are_none(prices: &TierPrices) -> bool {
    prices.is_empty()
}

fn is_utc(zone: &TimeZone) -> bool {
    zone.is_utc()
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's own signature")]
const fn is_true(value: &bool) -> bool {
    *value
}

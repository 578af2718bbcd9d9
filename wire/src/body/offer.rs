//! Offers: goods for points.

use domain::{
    AccountId, AdditionId, Attributes, Category, Code, Description, ImageUrl, OfferId, OfferName,
    OfferStatus, Page, PeriodLimits, Points, ProductId, RemainingShown, RemovalId, SegmentId,
    SwitchName, TimeZone, Timestamp, UnitId, Units, UploadId, WarehouseId,
};
use log_record::Place;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::Value;
use serde_json::value::RawValue;

use super::credit_lot::is_false;
use super::{
    LadderTierBody, PriceBody, PutPriceBody, PutTierPriceBody, TierPriceBody, null_is_default,
    present,
};
use crate::Object;
use crate::unique::Unique;

/// The longest body of an offer, in bytes: the longest texts, each byte escaped to six, fit.
pub const OFFER_BYTES_MAX: usize = 128 * 1024;

/// The longest body of an upload of codes, in bytes: a thousand of the longest fit, with each
/// letter of two bytes escaped to six.
pub const CODES_BYTES_MAX: usize = 1024 * 1024;

/// `PUT /v1/offers/{offer_id}`: opens an offer; with `If-Match`, replaces its terms.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutOfferBody {
    /// The product to ship.
    pub product_id: ProductId,
    /// The price of one piece; 0: for free. It or `prices` is needed.
    #[serde(default, with = "domain::optional_sum")]
    pub price: Option<Points>,
    /// The kind of points of `price`; without it, `points`. Only beside `price`.
    pub unit: Option<UnitId>,
    /// The price of one piece in several kinds of points, all of which are paid: 1 to 4 prices,
    /// each of another kind. Not beside `price`.
    pub prices: Option<Vec<Object<PutPriceBody>>>,
    /// Whom it is for: those who have this tier, or a higher one; without it, for all.
    pub tier: Option<Object<LadderTierBody>>,
    /// Whom it is for: accounts of this segment; without it, for all.
    pub segment: Option<SegmentId>,
    /// What one piece costs those who have a tier: at most 10 prices, each tier of one ladder once.
    /// That of the highest tier counts.
    #[serde(default, deserialize_with = "null_is_default")]
    pub tier_prices: Vec<Object<PutTierPriceBody>>,
    /// The number of units at the opening; `null`: unlimited. An opening needs the field. In an
    /// amendment it may make a limited stock unlimited, or an unlimited one limited to so many,
    /// those that are sold included. `None` here: the field is left out.
    #[serde(default, deserialize_with = "present")]
    pub stock: Option<Option<Units>>,
    /// Redemptions are taken from this time on; without it, at once.
    pub opens_at: Option<Timestamp>,
    /// Redemptions are taken before this time; without it, until the offer is closed.
    pub closes_at: Option<Timestamp>,
    /// The most units for one shopper, for ever; without it, no limit.
    pub limit_per_shopper: Option<Units>,
    /// The most units for one shopper in a day, a week and a month of the calendar; what was
    /// exchanged before the offer had such a limit doesn't count towards it.
    pub limits_per_shopper: Option<Object<PeriodLimitsBody>>,
    /// The time zone of that calendar, by its IANA name; without it, UTC.
    #[serde(default, deserialize_with = "null_is_default")]
    pub time_zone: TimeZone,
    /// The warehouse that ships; without it, `main`.
    pub warehouse: Option<WarehouseId>,
    /// `false`: it isn't shipped, as a code or a download; without it, `true`, or `false` where
    /// `codes` is true.
    pub ships: Option<bool>,
    /// `true`: each piece is a code out of a pool that is uploaded. It is chosen at the opening,
    /// for good; the stock is the number of codes. Without it, `false`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub codes: bool,
    /// What the offer is called, for a page: at most 256 bytes.
    pub name: Option<OfferName>,
    /// What it is, for a page: at most 4,096 bytes.
    pub description: Option<Description>,
    /// A picture of it: an address with https:// or http://, of at most 2,048 characters.
    pub image_url: Option<ImageUrl>,
    /// Under what a page lists it.
    pub category: Option<Category>,
    /// Whatever else a page wants to know: a JSON object of at most 4,096 bytes without spaces.
    pub attributes: Option<AttributesBody>,
    /// How a countdown shows what is left: `exact`, or in `steps` of 0, 1, 10, 100, 1,000 …;
    /// without it, `exact`.
    pub remaining_shown: Option<RemainingShown>,
}

/// The most units of an offer for one shopper in a period of the calendar.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PeriodLimitsBody {
    /// From midnight to midnight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Units>,
    /// From Monday to Monday.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub week: Option<Units>,
    /// From the first to the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month: Option<Units>,
}

impl From<PeriodLimits> for PeriodLimitsBody {
    fn from(limits: PeriodLimits) -> Self {
        let PeriodLimits { day, week, month } = limits;
        Self { day, week, month }
    }
}

impl From<PeriodLimitsBody> for PeriodLimits {
    fn from(body: PeriodLimitsBody) -> Self {
        let PeriodLimitsBody { day, week, month } = body;
        Self { day, week, month }
    }
}

/// `PUT /v1/offers/{offer_id}/pause`: pauses an offer. The body is `{}`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseOfferBody {}

/// `PUT /v1/offers/{offer_id}/resumptions/{resumption_id}`: resumes a paused offer. The body is
/// `{}`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResumeOfferBody {}

/// `PUT /v1/offers/{offer_id}/closure`: closes an offer. The body is `{}`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseOfferBody {}

/// `PUT /v1/offers/{offer_id}/reopenings/{reopening_id}`: reopens a closed offer. The body is `{}`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReopenOfferBody {}

/// `PUT /v1/offers/{offer_id}/stock-removals/{removal_id}`: takes units out of an offer's stock.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveStockBody {
    /// The number of units to take away.
    pub units: Units,
}

/// `PUT /v1/offers/{offer_id}/stock-additions/{addition_id}`: adds units to an offer's stock.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddStockBody {
    /// The number of units to add.
    pub units: Units,
}

/// `PUT /v1/offers/{offer_id}/code-uploads/{upload_id}`: puts codes into an offer's pool.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UploadCodesBody {
    /// The codes, 1 to 1,000, in the order in which they are handed out. None may have been the
    /// offer's before.
    pub codes: Vec<Code>,
}

/// An offer, as both APIs answer it.
#[derive(Clone, Debug, Serialize)]
pub struct OfferBody {
    /// The offer.
    pub offer_id: OfferId,
    /// The product to ship.
    pub product_id: ProductId,
    /// The price of one piece: the first of `prices`; 0: for free.
    pub price: Points,
    /// The kind of points of that.
    pub unit: UnitId,
    /// The price of one piece, of each kind of points; all are paid.
    pub prices: Vec<PriceBody>,
    /// Whom it is for: those who have this tier, or a higher one; left out where it is for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<LadderTierBody>,
    /// Whom it is for: accounts of this segment; left out where it is for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<SegmentId>,
    /// What one piece costs those who have a tier; left out where that makes no difference.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tier_prices: Vec<TierPriceBody>,
    /// Redemptions are taken from this time on; without it, at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Timestamp>,
    /// Redemptions are taken before this time; without it, until the offer is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closes_at: Option<Timestamp>,
    /// The most units for one shopper, for ever; without it, no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_per_shopper: Option<Units>,
    /// The most units for one shopper in a day, a week and a month; left out where none is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits_per_shopper: Option<PeriodLimitsBody>,
    /// The time zone of these periods; left out where it is UTC.
    #[serde(skip_serializing_if = "TimeZone::is_utc")]
    pub time_zone: TimeZone,
    /// The warehouse that ships, if it is shipped.
    pub warehouse: WarehouseId,
    /// Whether it is shipped.
    pub ships: bool,
    /// Whether each piece is a code; left out where it isn't.
    #[serde(skip_serializing_if = "is_false")]
    pub codes: bool,
    /// What a page shows of it; nothing is decided by it.
    #[serde(flatten)]
    pub page: PageBody,
    /// The number of units at the opening and all added since, less all taken away; `null`:
    /// unlimited.
    pub stock: Option<u64>,
    /// The number of units left, which may be 0; `null`: unlimited.
    pub remaining: Option<u64>,
    /// Counts changes of the terms, pauses, resumptions, closures, reopenings and whether the stock
    /// is limited, from 1; redemptions don't count. The ETag begins with it.
    pub version: u64,
    /// The first that applies of `closed`, `ended`, `paused`, `scheduled`, `sold-out` and `open`.
    pub status: OfferStatus,
    /// The position of the event that made this version.
    pub position: Place,
}

/// What a page shows of an offer.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PageBody {
    /// What the offer is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<OfferName>,
    /// What it is, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// A picture of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<ImageUrl>,
    /// Under what a page lists it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Whatever else a page wants to know: a JSON object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<AttributesBody>,
    /// How a countdown shows what is left; left out where it is shown exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_shown: Option<RemainingShown>,
}

impl From<Page> for PageBody {
    fn from(page: Page) -> Self {
        let Page { name, description, image_url, category, attributes, remaining_shown } = page;
        let attributes = attributes.map(AttributesBody);
        Self { name, description, image_url, category, attributes, remaining_shown }
    }
}

/// A JSON object of the caller's own. It is kept without spaces, its members in the order of their
/// names.
#[derive(Clone, Debug)]
pub struct AttributesBody(pub Attributes);

impl<'de> Deserialize<'de> for AttributesBody {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Unique(Value::Object(object)) = Unique::deserialize(from)? else {
            return Err(de::Error::custom("must be a JSON object"));
        };
        let text = serde_json::to_string(&object).map_err(de::Error::custom)?;
        Attributes::try_from(text.into_boxed_str()).map(Self).map_err(de::Error::custom)
    }
}

impl Serialize for AttributesBody {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let object: &RawValue =
            serde_json::from_str(self.0.as_str()).map_err(ser::Error::custom)?;
        object.serialize(to)
    }
}

/// An offer as one shopper may take it now.
#[derive(Clone, Debug, Serialize)]
pub struct AccountOfferBody {
    /// The account.
    pub account_id: AccountId,
    /// The offer.
    pub offer_id: OfferId,
    /// The offer's status, as the offer itself has it.
    pub status: OfferStatus,
    /// The price of one piece: the first of `prices`; 0: for free.
    pub price: Points,
    /// The kind of points of that.
    pub unit: UnitId,
    /// The price of one piece, of each kind of points; all are paid.
    pub prices: Vec<PriceBody>,
    /// The tier that counts: that of the price or, where no price is a tier's, the one that the
    /// offer is for; left out where none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<LadderTierBody>,
    /// The tier that the offer is for, where the account lacks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs_tier: Option<LadderTierBody>,
    /// The segment that the offer is for, where the account isn't in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs_segment: Option<SegmentId>,
    /// The most units for one shopper, for ever; without it, no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_per_shopper: Option<Units>,
    /// The units that the shopper has had, less those cancelled.
    pub taken: u64,
    /// Each further limit, the one of the longest period first; left out where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<ShopperLimitBody>,
    /// The units that the shopper may still take now. Status, tier, segment, limits and stock
    /// count; the balance doesn't. `null`: no limit.
    pub may_take: Option<u64>,
    /// The number of units left for all; `null`: unlimited.
    pub remaining: Option<u64>,
    /// The offer's version.
    pub version: u64,
}

/// A shopper's limit in a period.
#[derive(Clone, Debug, Serialize)]
pub struct ShopperLimitBody {
    /// `day`, `week` or `month`.
    pub period: &'static str,
    /// The most units in the period.
    pub limit: Units,
    /// The units that count in the present one, less those cancelled.
    pub taken: u64,
    /// When the next one begins.
    pub renews_at: Timestamp,
}

/// What a countdown shows of an offer.
#[derive(Clone, Debug, Serialize)]
pub struct CountdownBody {
    /// The offer.
    pub offer_id: OfferId,
    /// The offer's status, as the offer itself has it.
    pub status: OfferStatus,
    /// Redemptions are taken from this time on; without it, at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Timestamp>,
    /// Redemptions are taken before this time; without it, until the offer is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closes_at: Option<Timestamp>,
    /// The number of units left, which may be 0; left out where it is unlimited, or shown in steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    /// That at least so many units are left: 0, 1, 10, 100, 1,000 …; left out unless it is shown in
    /// steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_at_least: Option<u64>,
    /// The offer's version.
    pub version: u64,
    /// The ledger's time. The ETag is another in each second of it.
    pub now: Timestamp,
}

/// What takes no redemptions now, and isn't outside of its window.
#[derive(Clone, Debug, Serialize)]
pub struct GatesBody {
    /// Offers that are paused or sold out, in the order of their ids, then those that were closed,
    /// the last one first; of several partitions, the last one of each first.
    pub items: Vec<GateBody>,
    /// Whether there are more, which are left out.
    pub more: bool,
    /// The switches that are on, whatever an offer says.
    pub switches: Vec<SwitchName>,
}

/// An offer that takes no redemptions.
#[derive(Clone, Debug, Serialize)]
pub struct GateBody {
    /// The offer.
    pub offer_id: OfferId,
    /// `paused`, `sold-out` or `closed`.
    pub status: OfferStatus,
}

/// Codes that were put into an offer's pool.
#[derive(Clone, Debug, Serialize)]
pub struct CodeUploadBody {
    /// The offer.
    pub offer_id: OfferId,
    /// The upload.
    pub upload_id: UploadId,
    /// How many codes.
    pub codes: Units,
    /// The position of the event `codes-uploaded`.
    pub position: Place,
}

/// Units that were added to an offer's stock.
#[derive(Clone, Debug, Serialize)]
pub struct StockAdditionBody {
    /// The offer.
    pub offer_id: OfferId,
    /// The addition.
    pub addition_id: AdditionId,
    /// The number of units added.
    pub units: Units,
    /// The position of the event `stock-added`.
    pub position: Place,
}

/// Units that were taken out of an offer's stock.
#[derive(Clone, Debug, Serialize)]
pub struct StockRemovalBody {
    /// The offer.
    pub offer_id: OfferId,
    /// The removal.
    pub removal_id: RemovalId,
    /// The number of units taken away.
    pub units: Units,
    /// The position of the event `stock-removed`.
    pub position: Place,
}

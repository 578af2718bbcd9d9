//! Exchanges of points for goods.

use domain::{
    AccountId, Actor, CancellationId, Carrier, Code, Day, DeliverTo, ExchangeId, ExpressNo, HoldId,
    LimitDays, OfferId, Points, ProductId, Reason, Timestamp, UnitId, Units, WarehouseId,
};
use log_record::Place;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::credit_lot::is_false;
use super::{ExpectedPriceBody, LadderTierBody, LotPartBody, ParcelBody, PriceBody};
use crate::Object;
use crate::short_text::ShortText;

/// `PUT /v1/accounts/{account_id}/exchanges/{exchange_id}`: redeems an offer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedeemBody {
    /// The offer to redeem.
    pub offer_id: OfferId,
    /// The number of units.
    pub quantity: Units,
    /// The address of delivery, or a reference to one: private. An offer that isn't shipped needs
    /// none, and the ledger keeps none.
    pub deliver_to: Option<DeliverTo>,
    /// The cost that the caller expects of an offer of one kind of points; another cost is refused.
    #[serde(default, with = "domain::optional_sum")]
    pub expected_points: Option<Points>,
    /// The whole cost that the caller expects, in any order: 1 to 4 prices, each of another kind of
    /// points. Not beside `expected_points`.
    pub expected_prices: Option<Vec<Object<ExpectedPriceBody>>>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// The query of a redemption.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedeemQuery {
    /// `true`: the answer is what the redemption would come to, and nothing is recorded.
    #[serde(default)]
    pub dry_run: bool,
}

/// An exchange as it was created: the first answer to a redemption, and to every repeat of it.
#[derive(Clone, Debug, Serialize)]
pub struct CreatedExchangeBody {
    /// The exchange.
    pub exchange_id: ExchangeId,
    /// The account that paid.
    pub account_id: AccountId,
    /// The offer that was redeemed.
    pub offer_id: OfferId,
    /// The number of units.
    pub quantity: Units,
    /// The cost of all pieces: the first of `prices`.
    pub points: Points,
    /// The kind of points of that.
    pub unit: UnitId,
    /// The cost of all pieces, of each kind of points.
    pub prices: Vec<PriceBody>,
    /// Always `created`; a read answers the present status.
    pub status: &'static str,
    /// The code, of an offer of codes; `null` once it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Option<Code>>,
    /// Whether the code was erased; left out where it wasn't.
    #[serde(skip_serializing_if = "is_false")]
    pub erased: bool,
    /// The position of the event `exchange-created`.
    pub position: Place,
}

impl CreatedExchangeBody {
    /// The JSON that `Serialize` gives, too, written in one go: of all answers with something in
    /// them there are most of these. Nothing in it but a code needs to be escaped.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Self { exchange_id, account_id, offer_id, quantity, points, unit, .. } = self;
        let Self { prices, status, code, erased, position, .. } = self;
        let decimal = |number| ShortText::new().decimal(number);
        let mut json = String::with_capacity(384);
        json.extend(["{\"exchange_id\":\"", exchange_id.as_str()]);
        json.extend(["\",\"account_id\":\"", account_id.as_str()]);
        json.extend(["\",\"offer_id\":\"", offer_id.as_str()]);
        json.extend(["\",\"quantity\":", decimal(quantity.get()).as_str()]);
        json.extend([",\"points\":", decimal(points.get()).as_str()]);
        json.extend([",\"unit\":\"", unit.as_str(), "\",\"prices\":["]);
        for (index, PriceBody { unit, points }) in prices.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            json.extend([comma, "{\"unit\":\"", unit.as_str(), "\",\"points\":"]);
            json.extend([decimal(points.get()).as_str(), "}"]);
        }
        let position = ShortText::of_place(*position);
        json.extend(["],\"status\":\"", status, "\""]);
        if let Some(code) = code {
            // An erased one is null.
            let code = code.as_ref().map(|code| Value::from(code.as_str())).unwrap_or_default();
            json.extend([",\"code\":", &code.to_string()]);
        }
        if *erased {
            json.push_str(",\"erased\":true");
        }
        json.extend([",\"position\":\"", position.as_str(), "\"}"]);
        json
    }
}

/// The answer to a redemption with `dry_run=true`. It has either `preview` or `position`.
#[derive(Clone, Debug, Serialize)]
pub struct DryRunBody {
    /// Whether the exchange exists.
    pub outcome: DryRunOutcome,
    /// What the redemption would come to, where it would be created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<PreviewBody>,
    /// The position of the event `exchange-created`, where the exchange exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Place>,
}

/// What a dry run found.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DryRunOutcome {
    /// The exchange would be created.
    WouldBeCreated,
    /// The exchange exists already.
    Exists,
}

/// What a redemption would come to now.
#[derive(Clone, Debug, Serialize)]
pub struct PreviewBody {
    /// What it would come to of the first of `prices`.
    #[serde(flatten)]
    pub first: PreviewedPriceBody,
    /// What it would come to of each kind of points.
    pub prices: Vec<PreviewedPriceBody>,
    /// The tier that would count: that of the price or, where no price is a tier's, that which the
    /// offer is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<LadderTierBody>,
}

/// What a redemption would come to of a kind of points.
#[derive(Clone, Debug, Serialize)]
pub struct PreviewedPriceBody {
    /// The cost of all pieces in it.
    pub points: Points,
    /// The kind of points.
    pub unit: UnitId,
    /// The lots that it would draw on, in spending order.
    pub lots: Vec<LotPartBody>,
    /// The points available before it.
    pub available: u64,
    /// The points available after it.
    pub available_after: u64,
}

/// `PUT …/exchanges/{exchange_id}/cancellations/{cancellation_id}`: cancels an exchange, whole or
/// in part.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelExchangeBody {
    /// The number of units to cancel; without it, all that are left.
    pub quantity: Option<Units>,
    /// Who cancelled: private.
    pub by: Option<Actor>,
    /// The reason: private.
    pub reason: Option<Reason>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// The fact `exchange-created`.
#[derive(Clone, Debug, Serialize)]
pub struct ExchangeCreatedBody {
    /// The account that paid.
    pub account_id: AccountId,
    /// The exchange.
    pub exchange_id: ExchangeId,
    /// The offer that was redeemed.
    pub offer_id: OfferId,
    /// The product to ship, from the offer's terms at that time.
    pub product_id: ProductId,
    /// The number of units.
    pub quantity: Units,
    /// The position of the event that has the code, of an offer of codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_at: Option<Place>,
    /// The code; `null` once it was erased. A recorded fact has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Option<Code>>,
    /// Whether the code was erased; left out where it wasn't.
    #[serde(skip_serializing_if = "is_false")]
    pub erased: bool,
    /// The cost of all pieces: the first of `prices`.
    pub points: Points,
    /// The kind of points of that.
    pub unit: UnitId,
    /// The cost of all pieces, of each kind of points.
    pub prices: Vec<PriceBody>,
    /// The tier that counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<LadderTierBody>,
    /// In which periods it counts towards the offer's limits; left out where it has no such limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted: Option<CountedBody>,
    /// The warehouse that ships, from the offer's terms at that time; left out where nothing is
    /// shipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warehouse: Option<WarehouseId>,
    /// The hold that paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<HoldId>,
    /// The cost that the caller expected of an offer of one kind of points.
    #[serde(skip_serializing_if = "Option::is_none", with = "domain::optional_sum")]
    pub expected_points: Option<Points>,
    /// The cost that the caller expected, in the order in which it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_prices: Option<Vec<PriceBody>>,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// The fact `exchange-cancelled`.
#[derive(Clone, Debug, Serialize)]
pub struct ExchangeCancelledBody {
    /// The account that got its credit back.
    pub account_id: AccountId,
    /// The exchange.
    pub exchange_id: ExchangeId,
    /// The cancellation; `~rejected` where the warehouse rejected the exchange.
    pub cancellation_id: CancellationId,
    /// The offer that the units go back to.
    pub offer_id: OfferId,
    /// The number of units cancelled.
    pub quantity: Units,
    /// The position of the event that has the code, of an offer of codes: it stays handed out, and
    /// nothing goes back to the stock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_at: Option<Place>,
    /// The refund for them: of the first of the exchange's `prices`, which may be 0.
    pub points: Points,
    /// The kind of points of that.
    pub unit: UnitId,
    /// The refund for them, of each kind of points of which some came back.
    pub refunded: Vec<PriceBody>,
    /// The exchange at its creation.
    pub of: OrderedBody,
    /// The number of units that the caller named; without it, all that were left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_quantity: Option<Units>,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// An exchange at its creation.
#[derive(Clone, Debug, Serialize)]
pub struct OrderedBody {
    /// The number of units.
    pub quantity: Units,
    /// The cost of all pieces: the first of `prices`.
    pub points: Points,
    /// The kind of points of that.
    pub unit: UnitId,
    /// The cost of all pieces, of each kind of points.
    pub prices: Vec<PriceBody>,
    /// In which periods it counted towards the offer's limits; left out where it had no such limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted: Option<CountedBody>,
}

/// In which periods of the calendar an exchange counts, by their first days.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CountedBody {
    /// The day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<Day>,
    /// The week's Monday.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub week: Option<Day>,
    /// The month's first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub month: Option<Day>,
}

impl CountedBody {
    /// The periods in which something counts, where there are any.
    #[must_use]
    pub fn of(days: LimitDays) -> Option<Self> {
        let LimitDays { day, week, month } = days;
        (!days.is_empty()).then_some(Self { day, week, month })
    }
}

/// An exchange as it is now.
#[derive(Clone, Debug, Serialize)]
pub struct ExchangeBody {
    /// The exchange.
    pub exchange_id: ExchangeId,
    /// The account that paid.
    pub account_id: AccountId,
    /// The offer that was redeemed.
    pub offer_id: OfferId,
    /// The product to ship.
    pub product_id: ProductId,
    /// The number of units.
    pub quantity: Units,
    /// The cost of all pieces: the first of `prices`.
    pub points: Points,
    /// The kind of points of that.
    pub unit: UnitId,
    /// The cost of all pieces, of each kind of points.
    pub prices: Vec<PriceBody>,
    /// The tier that counted: that of the price or, where no price was a tier's, that which the
    /// offer was for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<LadderTierBody>,
    /// The hold that paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<HoldId>,
    /// The present status.
    pub status: ExchangeStatus,
    /// The code, of an offer of codes, for the shopper and for merchants; `null` once it was
    /// erased. Lists leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Option<Code>>,
    /// Whether the code was erased; left out where it wasn't.
    #[serde(skip_serializing_if = "is_false")]
    pub erased: bool,
    /// The warehouse's reason for a rejection or a back-order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The parcels that left, in the order in which they were reported.
    pub parcels: Vec<ParcelBody>,
    /// The carrier of the last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<Carrier>,
    /// The carrier's number for the last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub express_no: Option<ExpressNo>,
    /// The number of units cancelled, 0 to `quantity`.
    pub cancelled_quantity: u64,
    /// The points refunded, 0 to `points`.
    pub refunded_points: u64,
    /// What was refunded, of each kind of points of which some came back.
    pub refunded: Vec<PriceBody>,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The position of the event `exchange-created`.
    pub position: Place,
}

/// The status of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExchangeStatus {
    /// The warehouse was asked to ship it; or it isn't shipped.
    Created,
    /// The warehouse will ship it.
    Accepted,
    /// The warehouse will ship it once it has the goods.
    BackOrdered,
    /// A parcel has left, and something is still to be shipped.
    PartlyDispatched,
    /// Everything has left.
    Dispatched,
    /// Everything has arrived.
    Delivered,
    /// All of it was cancelled.
    Cancelled,
    /// The warehouse won't ship what is left; that was cancelled and refunded.
    Rejected,
    /// An operator settled the shipping request by hand.
    Settled,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_created_exchange_is_written_as_serde_writes_it() {
        let unit = |name: &str| name.parse::<UnitId>().expect("a unit");
        let price = |name, points| PriceBody {
            unit: unit(name),
            points: Points::new(points).expect("points"),
        };
        for prices in [
            vec![],
            vec![price("points", 7)],
            vec![price("points", 9_007_199_254_740_991), price("miles-2", 1)],
        ] {
            let mut body = CreatedExchangeBody {
                exchange_id: "x-1".parse().expect("an id"),
                account_id: "a:n_n.7".parse().expect("an id"),
                offer_id: "mug".parse().expect("an id"),
                quantity: Units::new(3).expect("units"),
                points: prices.first().map_or(Points::ZERO, |first| first.points),
                unit: unit("points"),
                prices,
                status: "created",
                code: None,
                erased: false,
                position: "0:4711".parse().expect("a position"),
            };
            for code in [None, Some(None), Some("A \"b\" \\ ü".parse().ok())] {
                body.erased = code == Some(None);
                body.code = code;
                assert_eq!(body.to_json(), serde_json::to_string(&body).expect("JSON"));
            }
        }
    }
}

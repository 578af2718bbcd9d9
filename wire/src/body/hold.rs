//! Holds: credit set aside.

use domain::{
    AccountId, Actor, DeliverTo, ExchangeId, ExtensionId, HoldId, OfferId, Points, ProductId,
    Reason, RefundId, ReleaseReason, Timestamp, UnitId, Units, WarehouseId,
};
use log_record::Place;
use serde::{Deserialize, Serialize};

use super::credit_lot::is_false;
use super::{CountedBody, ExpectedPriceBody, LadderTierBody, LotPartBody, PriceBody};
use crate::Object;

/// `PUT /v1/accounts/{account_id}/holds/{hold_id}`: sets credit aside, or reserves units of an
/// offer for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldCreditBody {
    /// The kind of points; without it, `points`. Not beside `offer_id`.
    pub unit: Option<UnitId>,
    /// The points to set aside. Not beside `offer_id`, whose price counts.
    pub points: Option<Points>,
    /// The offer of which it reserves units.
    pub offer_id: Option<OfferId>,
    /// The number of units; with `offer_id` only.
    pub quantity: Option<Units>,
    /// The cost that the caller expects of an offer of one kind of points; another cost is refused.
    #[serde(default, with = "domain::optional_sum")]
    pub expected_points: Option<Points>,
    /// The whole cost that the caller expects, in any order: 1 to 4 prices, each of another kind of
    /// points. Not beside `expected_points`.
    pub expected_prices: Option<Vec<Object<ExpectedPriceBody>>>,
    /// The hold ends by itself at this time, 30 days ahead at most.
    pub deadline: Timestamp,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// `PUT …/holds/{hold_id}/extensions/{extension_id}`: keeps credit aside for longer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtendHoldBody {
    /// The hold ends by itself at this time: later than before, and at most 30 days after it was
    /// made.
    pub deadline: Timestamp,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// `PUT …/holds/{hold_id}/refunds/{refund_id}`: gives back what a capture spent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundCaptureBody {
    /// The points to give back; without them, all that are left.
    pub points: Option<Points>,
    /// Who refunded it: private.
    pub by: Option<Actor>,
    /// The reason: private.
    pub reason: Option<Reason>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// `PUT …/holds/{hold_id}/capture`: spends credit that was set aside. It has `points` or
/// `exchange`, or neither.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureHoldBody {
    /// The points to spend; without them, all of the hold.
    pub points: Option<Points>,
    /// The exchange that the hold pays; its price is what is spent.
    pub exchange: Option<Object<CaptureExchangeBody>>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// The exchange that a hold pays.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureExchangeBody {
    /// The caller's id for the exchange.
    pub exchange_id: ExchangeId,
    /// The offer to redeem.
    pub offer_id: OfferId,
    /// The number of units.
    pub quantity: Units,
    /// The address of delivery, or a reference to one: private.
    pub deliver_to: Option<DeliverTo>,
    /// The cost that the caller expects of an offer of one kind of points; another cost is refused.
    #[serde(default, with = "domain::optional_sum")]
    pub expected_points: Option<Points>,
    /// The whole cost that the caller expects, in any order: 1 to 4 prices, each of another kind of
    /// points. Not beside `expected_points`.
    pub expected_prices: Option<Vec<Object<ExpectedPriceBody>>>,
}

/// `PUT …/holds/{hold_id}/release`: gives credit back that was set aside.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseHoldBody {
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// Units of an offer that a hold keeps until its deadline.
#[derive(Clone, Debug, Serialize)]
pub struct ReservationBody {
    /// The offer.
    pub offer_id: OfferId,
    /// The product, from the offer's terms at that time.
    pub product_id: ProductId,
    /// The number of units.
    pub quantity: Units,
    /// The cost of all pieces, of each kind of points.
    pub prices: Vec<PriceBody>,
    /// The tier that counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<LadderTierBody>,
    /// In which periods it counts towards the offer's limits; left out where it has no such limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted: Option<CountedBody>,
    /// The warehouse that ships; left out where nothing is shipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warehouse: Option<WarehouseId>,
    /// The cost that the caller expected of an offer of one kind of points.
    #[serde(skip_serializing_if = "Option::is_none", with = "domain::optional_sum")]
    pub expected_points: Option<Points>,
    /// The cost that the caller expected, in the order in which it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_prices: Option<Vec<PriceBody>>,
}

/// The fact `credit-held`: credit was set aside.
#[derive(Clone, Debug, Serialize)]
pub struct CreditHeldBody {
    /// The account.
    pub account_id: AccountId,
    /// The hold.
    pub hold_id: HoldId,
    /// The kind of points.
    pub unit: UnitId,
    /// The points set aside: the sum of `lots`.
    pub points: Points,
    /// The lots that they come from, in spending order.
    pub lots: Vec<LotPartBody>,
    /// The hold ends by itself at this time.
    pub deadline: Timestamp,
    /// Credit that comes back can be spent for at least so many days.
    pub grace_days: u16,
    /// `true`: also where the shopper asked for it to come back. Left out where it isn't so.
    #[serde(skip_serializing_if = "is_false")]
    pub grace_on_own_request: bool,
    /// What it reserves beside the credit; left out where that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserves: Option<ReservationBody>,
    /// `true`: it pays a further kind of points of what the hold before it reserves. Left out where
    /// it isn't so.
    #[serde(skip_serializing_if = "is_false")]
    pub further: bool,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// The fact `hold-extended`: credit is set aside for longer.
#[derive(Clone, Debug, Serialize)]
pub struct HoldExtendedBody {
    /// The account.
    pub account_id: AccountId,
    /// The hold.
    pub hold_id: HoldId,
    /// The extension.
    pub extension_id: ExtensionId,
    /// The hold ends by itself at this time.
    pub deadline: Timestamp,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// The fact `credit-refunded` of a capture: what it spent came back.
#[derive(Clone, Debug, Serialize)]
pub struct CaptureRefundedBody {
    /// The account.
    pub account_id: AccountId,
    /// The hold that was captured.
    pub hold_id: HoldId,
    /// The refund.
    pub refund_id: RefundId,
    /// The kind of points.
    pub unit: UnitId,
    /// The points that came back: the sum of `lots`.
    pub points: Points,
    /// The lots that they came back to, as they are from now on.
    pub lots: Vec<LotPartBody>,
    /// The points that the capture had spent in all.
    pub captured_points: Points,
    /// The points that the caller named; without them, all that were left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_points: Option<Points>,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// The fact `hold-captured`: credit that was set aside was spent.
#[derive(Clone, Debug, Serialize)]
pub struct HoldCapturedBody {
    /// The account.
    pub account_id: AccountId,
    /// The hold, which has ended.
    pub hold_id: HoldId,
    /// The kind of points.
    pub unit: UnitId,
    /// The points spent: the sum of `lots`.
    pub points: Points,
    /// The lots that they come from.
    pub lots: Vec<LotPartBody>,
    /// The rest of the hold, which came back; left out where there is no rest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub released: Vec<LotPartBody>,
    /// What came back and would expire before this time expires at this time instead, unless it had
    /// been given a period of grace before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_until: Option<Timestamp>,
    /// Credit that comes back of the points spent can be spent for at least so many days.
    pub grace_days: u16,
    /// `true`: also where the shopper asked for it to come back. Left out where it isn't so.
    #[serde(skip_serializing_if = "is_false")]
    pub grace_on_own_request: bool,
    /// `true` where it paid an exchange; left out where it didn't.
    #[serde(skip_serializing_if = "is_false")]
    pub pays_exchange: bool,
    /// The points that the caller named; without them, all of the hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_points: Option<Points>,
    /// What it reserves beside the credit; left out where that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserves: Option<ReservationBody>,
    /// `true`: it pays a further kind of points of what the hold before it reserves. Left out where
    /// it isn't so.
    #[serde(skip_serializing_if = "is_false")]
    pub further: bool,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// The fact `hold-released`: credit that was set aside came back.
#[derive(Clone, Debug, Serialize)]
pub struct HoldReleasedBody {
    /// The account.
    pub account_id: AccountId,
    /// The hold, which has ended.
    pub hold_id: HoldId,
    /// The kind of points.
    pub unit: UnitId,
    /// The points that came back: the sum of `lots`.
    pub points: Points,
    /// The lots that they belong to, as they were held.
    pub lots: Vec<LotPartBody>,
    /// What came back and would expire before this time expires at this time instead, unless it had
    /// been given a period of grace before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_until: Option<Timestamp>,
    /// `asked` or `deadline`.
    pub reason: ReleaseReason,
    /// What it reserves beside the credit; left out where that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserves: Option<ReservationBody>,
    /// `true`: it pays a further kind of points of what the hold before it reserves. Left out where
    /// it isn't so.
    #[serde(skip_serializing_if = "is_false")]
    pub further: bool,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// A hold as it is now.
#[derive(Clone, Debug, Serialize)]
pub struct HoldBody {
    /// The hold.
    pub hold_id: HoldId,
    /// The account.
    pub account_id: AccountId,
    /// The kind of points.
    pub unit: UnitId,
    /// The points set aside at first.
    pub points: Points,
    /// The hold ends by itself at this time.
    pub deadline: Timestamp,
    /// The present status.
    pub status: HoldStatus,
    /// The points spent, where it was captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captured_points: Option<Points>,
    /// The points that came back of them, where it paid no exchange.
    pub refunded_points: u64,
    /// The exchange that it paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange_id: Option<ExchangeId>,
    /// What it reserves, or reserved; left out where that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserves: Option<HoldReservesBody>,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The position of the event `credit-held`.
    pub position: Place,
}

/// What a hold reserves beside its points, which are the first of its prices.
#[derive(Clone, Debug, Serialize)]
pub struct HoldReservesBody {
    /// The offer.
    pub offer_id: OfferId,
    /// The product.
    pub product_id: ProductId,
    /// The number of units.
    pub quantity: Units,
    /// The cost of all pieces, of each kind of points.
    pub prices: Vec<PriceBody>,
}

/// The status of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldStatus {
    /// The credit is set aside.
    Held,
    /// Some or all of it was spent, and the rest came back.
    Captured,
    /// A caller released it.
    Released,
    /// Its deadline passed.
    Expired,
}

//! Purchases for money, and their returns.

use domain::{
    AccountId, Actor, Carrier, Category, DeliverTo, ExpressNo, Points, ProductId, PurchaseId,
    Reason, RefusalCode, ReturnId, RuleId, ShippingStatus, Timestamp, UnitId, Units, WarehouseId,
};
use log_record::Place;
use serde::{Deserialize, Serialize};

use super::{
    CapPeriodBody, CapRoomBody, CreditGivenBackBody, LadderTierBody, ParcelBody, RuleVersionBody,
};
use crate::{Object, Problem};

/// `PUT /v1/accounts/{account_id}/purchases/{purchase_id}`: records a purchase and what it earns.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutPurchaseBody {
    /// 1 to 500 lines, each product once.
    pub lines: Vec<Object<PutPurchaseLineBody>>,
    /// The kind of the named points; without it, `points`. Only beside `points`.
    pub unit: Option<UnitId>,
    /// The points that the purchase earns, which may be 0; without them, earning rules give them.
    #[serde(default, with = "domain::optional_sum")]
    pub points: Option<Points>,
    /// The earning rule; without it, the rule `default`. Not beside `points`.
    pub rule: Option<RuleId>,
    /// 2 to 4 earning rules, each of another unit, in place of `rule`. Not beside `points`.
    pub rules: Option<Vec<RuleId>>,
    /// The warehouse that ships; without it, `main`. Only beside `deliver_to`.
    pub warehouse: Option<WarehouseId>,
    /// The address of delivery, or a reference to one: private. Without it, nothing is shipped.
    pub deliver_to: Option<DeliverTo>,
    /// The credit can be spent from this time on; without it, the rule decides.
    pub available_at: Option<Timestamp>,
    /// The credit can be spent before this time; without it, the rule decides.
    pub expires_at: Option<Timestamp>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// `POST /v1/purchases`: records many purchases.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutPurchasesBody {
    /// 1 to 1,000 purchases, decided in this order.
    pub purchases: Vec<Object<PutPurchaseItemBody>>,
}

/// One purchase of many: a [`PutPurchaseBody`] with its account and its id. The fields are written
/// out, because a flattened struct can't refuse unknown fields.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutPurchaseItemBody {
    /// Who bought.
    pub account_id: AccountId,
    /// The purchase's id.
    pub purchase_id: PurchaseId,
    /// 1 to 500 lines, each product once.
    pub lines: Vec<Object<PutPurchaseLineBody>>,
    /// The kind of the named points; without it, `points`. Only beside `points`.
    pub unit: Option<UnitId>,
    /// The points that the purchase earns, which may be 0; without them, earning rules give them.
    #[serde(default, with = "domain::optional_sum")]
    pub points: Option<Points>,
    /// The earning rule; without it, the rule `default`. Not beside `points`.
    pub rule: Option<RuleId>,
    /// 2 to 4 earning rules, each of another unit, in place of `rule`. Not beside `points`.
    pub rules: Option<Vec<RuleId>>,
    /// The warehouse that ships; without it, `main`. Only beside `deliver_to`.
    pub warehouse: Option<WarehouseId>,
    /// The address of delivery, or a reference to one: private. Without it, nothing is shipped.
    pub deliver_to: Option<DeliverTo>,
    /// The credit can be spent from this time on; without it, the rule decides.
    pub available_at: Option<Timestamp>,
    /// The credit can be spent before this time; without it, the rule decides.
    pub expires_at: Option<Timestamp>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// The outcomes of many purchases, in the order of the request.
#[derive(Clone, Debug, Serialize)]
pub struct RecordedPurchasesBody {
    /// One outcome for each purchase.
    pub items: Vec<PurchaseOutcomeBody>,
}

/// The outcome of one purchase of many. It has either `purchase` or `problem`.
#[derive(Clone, Debug, Serialize)]
pub struct PurchaseOutcomeBody {
    /// The HTTP status that the purchase alone would be answered with.
    pub status: u16,
    /// The fact `purchase-recorded`, where the status is 200 or 201.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase: Option<PurchaseRecordedBody>,
    /// The problem document, where the purchase was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// One product of a purchase.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutPurchaseLineBody {
    /// The product.
    pub product_id: ProductId,
    /// The number of units.
    pub quantity: Units,
    /// The money paid for the line, in the currency's smallest unit.
    pub amount: Option<u64>,
    /// The category of goods.
    pub category: Option<Category>,
}

/// `PUT …/purchases/{purchase_id}/returns/{return_id}`: records a return.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReturnPurchaseBody {
    /// The products returned, each once; without it, all that are left.
    pub lines: Option<Vec<Object<ReturnedLineBody>>>,
    /// Who returned it: private.
    pub by: Option<Actor>,
    /// The reason: private.
    pub reason: Option<Reason>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// Returned units of one product.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReturnedLineBody {
    /// The product.
    pub product_id: ProductId,
    /// The number of units.
    pub quantity: Units,
}

/// The fact `purchase-recorded`.
#[derive(Clone, Debug, Serialize)]
pub struct PurchaseRecordedBody {
    /// The account.
    pub account_id: AccountId,
    /// The purchase.
    pub purchase_id: PurchaseId,
    /// The products bought.
    pub lines: Vec<RecordedLineBody>,
    /// The kind of points; of several, the first.
    pub unit: UnitId,
    /// The points of this unit that were earned in all, which may be 0.
    pub points: Points,
    /// What was earned of each unit, in the order of the rules.
    pub earned: Vec<PurchaseEarningBody>,
    /// The units whose credit was refused; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub credit_refused: Vec<CreditRefusedBody>,
    /// The points that the rule gave, where its cap cut them to `points`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points_before_cap: Option<Points>,
    /// The points that the caller named; without them, rules gave them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_points: Option<Points>,
    /// The rule that the caller named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_rule: Option<RuleId>,
    /// The rules that the caller named, where it named several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asked_rules: Vec<RuleId>,
    /// The rule that applied, where the caller named no points; of several, the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleVersionBody>,
    /// The warehouse that ships, where goods are shipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warehouse: Option<WarehouseId>,
    /// When the credit becomes available, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_at: Option<Timestamp>,
    /// When the credit expires, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// Points of a unit.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct UnitPointsBody {
    /// The kind of points.
    pub unit: UnitId,
    /// The points.
    pub points: Points,
}

/// What a purchase earned of a unit.
#[derive(Clone, Debug, Serialize)]
pub struct PurchaseEarningBody {
    /// The kind of points.
    pub unit: UnitId,
    /// The points earned in all; 0 also where the credit was refused.
    pub points: Points,
    /// The rule that applied, where the caller named no points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleVersionBody>,
    /// The points that the rule gave, where its cap cut them to `points`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points_before_cap: Option<Points>,
    /// The tier of the rule's multiplier that counted, where there was less to earn without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<LadderTierBody>,
}

/// Credit of a unit that a purchase would have earned; it can be claimed once.
#[derive(Clone, Debug, Serialize)]
pub struct CreditRefusedBody {
    /// The kind of points.
    pub unit: UnitId,
    /// The code of the refusal.
    pub code: RefusalCode,
    /// The credit could have been spent from this time on; without it, at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_at: Option<Timestamp>,
    /// The credit could have been spent before this time; without it, for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The period in which the rule's cap counts it; without it, the rule has no cap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_period: Option<CapPeriodBody>,
}

/// One product of a recorded purchase.
#[derive(Clone, Debug, Serialize)]
pub struct RecordedLineBody {
    /// The product.
    pub product_id: ProductId,
    /// The number of units.
    pub quantity: Units,
    /// The money paid for the line, in the currency's smallest unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<u64>,
    /// The category of goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// The points of the purchase's `unit` that the line earned, which may be 0; where the credit
    /// was refused, what a claim gives for it.
    pub points: Points,
    /// The same of each unit of which the line earned something.
    pub earned: Vec<UnitPointsBody>,
}

/// The fact `purchase-returned`.
#[derive(Clone, Debug, Serialize)]
pub struct PurchaseReturnedBody {
    /// The account.
    pub account_id: AccountId,
    /// The purchase.
    pub purchase_id: PurchaseId,
    /// The return.
    pub return_id: ReturnId,
    /// The products returned, in the order of the purchase's lines.
    pub lines: Vec<ReturnedLineBody>,
    /// The kind of points; of several, the first.
    pub unit: UnitId,
    /// The points of this unit to take back, which may be 0.
    pub points: Points,
    /// The room under a cap that comes back, where the purchase's credit was refused and nobody has
    /// claimed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_back: Option<RoomBackBody>,
    /// The same of each unit, in the purchase's order.
    pub taken: Vec<TakenBackBody>,
    /// `true` where the caller named the lines; `false` where all that were left came back.
    pub asked_lines: bool,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// The fact `return-reversed`: a return was undone.
#[derive(Clone, Debug, Serialize)]
pub struct ReturnReversedBody {
    /// The account.
    pub account_id: AccountId,
    /// The purchase.
    pub purchase_id: PurchaseId,
    /// The return.
    pub return_id: ReturnId,
    /// The products that count as bought again, in the order of the purchase's lines.
    pub lines: Vec<ReturnedLineBody>,
    /// What is given back, where the return had taken credit; of several units, of the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit: Option<CreditGivenBackBody>,
    /// What is given back of further units.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub further: Vec<UnitPointsBody>,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// What a return takes back of a unit.
#[derive(Clone, Debug, Serialize)]
pub struct TakenBackBody {
    /// The kind of points.
    pub unit: UnitId,
    /// The points to take back, which may be 0.
    pub points: Points,
    /// The room under a cap that comes back, where the credit was refused and nobody has claimed
    /// it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_back: Option<RoomBackBody>,
}

/// Room under a rule's cap that comes back with goods.
#[derive(Clone, Debug, Serialize)]
pub struct RoomBackBody {
    /// The rule, and the period in which its cap counts.
    pub room: CapRoomBody,
    /// How much.
    pub points: Points,
}

/// A purchase as it is now.
#[derive(Clone, Debug, Serialize)]
pub struct PurchaseBody {
    /// The purchase.
    pub purchase_id: PurchaseId,
    /// The account.
    pub account_id: AccountId,
    /// The products bought.
    pub lines: Vec<PurchaseLineBody>,
    /// The kind of points; of several, the first.
    pub unit: UnitId,
    /// The points of this unit that were earned in all, which may be 0; also by a claim.
    pub points: u64,
    /// The units whose credit was refused when the purchase was recorded; left out where there are
    /// none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub credit_refused: Vec<PurchaseRefusalBody>,
    /// The points that the rule gave, where its cap cut them to `points`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points_before_cap: Option<Points>,
    /// The earning rule that gave them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleVersionBody>,
    /// The same of each unit, in the order of the rules.
    pub earned: Vec<EarnedOfUnitBody>,
    /// The points to take back for returns.
    pub returned_points: u64,
    /// The points taken back in all, for returns and withdrawals.
    pub withdrawn_points: u64,
    /// The warehouse that ships, where goods are shipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warehouse: Option<WarehouseId>,
    /// The status of its shipping request, where goods are shipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ShippingStatus>,
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
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The position of the event `purchase-recorded`.
    pub position: Place,
}

/// What a purchase earned of a unit, as it is now.
#[derive(Clone, Debug, Serialize)]
pub struct EarnedOfUnitBody {
    /// The kind of points.
    pub unit: UnitId,
    /// The points earned in all, which may be 0; also by a claim.
    pub points: u64,
    /// The earning rule that gave them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleVersionBody>,
    /// The points that the rule gave, where its cap cut them to `points`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points_before_cap: Option<Points>,
    /// The tier of the rule's multiplier that counted, where there was less to earn without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<LadderTierBody>,
    /// The points to take back for returns.
    pub returned_points: u64,
    /// The points taken back in all, for returns and withdrawals.
    pub withdrawn_points: u64,
}

/// Credit of a unit that was refused when a purchase was recorded, as it is now.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PurchaseRefusalBody {
    /// The kind of points.
    pub unit: UnitId,
    /// The code of the refusal.
    pub code: RefusalCode,
    /// Whether the credit was claimed.
    pub claimed: bool,
}

/// One product of a purchase as it is now.
#[derive(Clone, Debug, Serialize)]
pub struct PurchaseLineBody {
    /// The product.
    pub product_id: ProductId,
    /// The number of units bought.
    pub quantity: Units,
    /// The money paid for the line, in the currency's smallest unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<u64>,
    /// The category of goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// The points of the purchase's `unit` that the line earned, which may be 0; where the credit
    /// was refused, what a claim gives for it, less what was returned before the claim.
    pub points: Points,
    /// The same of each unit of which the line earned something.
    pub earned: Vec<UnitPointsBody>,
    /// The number of units returned, 0 to `quantity`.
    pub returned: u64,
}

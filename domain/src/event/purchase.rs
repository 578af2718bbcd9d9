//! Facts about goods that were bought for money.

use serde::{Deserialize, Serialize};

use super::{CreditGivenBack, Note, RuleVersion};
use crate::{
    CapPeriod, CapRoom, Category, DeliverTo, LadderTier, Points, ProductId, PurchaseId,
    RefusalCode, ReturnId, RuleId, Timestamp, UnitId, Units, WarehouseId,
};

/// How many rules a purchase names at most, and of how many units it earns.
pub const RULES_OF_PURCHASE_MAX: usize = 4;

/// An amount of a unit, above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitPoints {
    /// The unit.
    pub unit: UnitId,
    /// How much of it.
    pub points: Points,
}

/// One line of a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseLine {
    /// What was bought.
    pub product_id: ProductId,
    /// How many units.
    pub quantity: Units,
    /// What was paid for the line, in the currency's smallest unit.
    pub amount: Option<u64>,
    /// What sort of goods it is.
    pub category: Option<Category>,
    /// What the line earned of each unit of which it earned something, in the purchase's order; a
    /// return of it takes that back. Of a unit whose credit was refused, what a claim gives for it.
    pub earned: Box<[UnitPoints]>,
}

impl PurchaseLine {
    /// What the line earned of a unit, or would have earned.
    #[must_use]
    pub fn earned_of(&self, unit: UnitId) -> Points {
        let earned = self.earned.iter().find(|earned| earned.unit == unit);
        earned.map_or(Points::ZERO, |earned| earned.points)
    }
}

/// What a purchase earned of one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseEarning {
    /// The unit.
    pub unit: UnitId,
    /// How much in all; nothing also where the credit was refused.
    pub points: Points,
    /// The rule that was gone by, where no points were named; it may have given none.
    pub rule: Option<RuleVersion>,
    /// What the rule gave, where its cap cut that.
    pub points_before_cap: Option<Points>,
    /// The tier of the rule's multiplier that counted, where there was less to earn without one.
    pub tier: Option<LadderTier>,
}

/// Goods were bought for money. It bears the purchase's id, which is a cause, and every field of
/// the request. Where it earned credit, the events before say so: one for each unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseRecorded {
    /// The caller's id for it.
    pub purchase_id: PurchaseId,
    /// What was bought; at least one line, each product once.
    pub lines: Vec<PurchaseLine>,
    /// What it earned: one for each rule, in their order, or one for the points that were named.
    /// Each is of another unit.
    pub earned: Box<[PurchaseEarning]>,
    /// Of which of these units the credit was refused, in the same order; it can be claimed once.
    pub credit_refused: Box<[CreditRefused]>,
    /// The points that the caller named, which may be 0; without them, rules gave them.
    pub asked_points: Option<Points>,
    /// The rules that the caller named; without one, the rule `default` counted.
    pub asked_rules: Box<[RuleId]>,
    /// Who ships, where goods are to be shipped.
    pub warehouse: Option<WarehouseId>,
    /// When the credit becomes available, as the caller said.
    pub available_at: Option<Timestamp>,
    /// When the credit expires, as the caller said.
    pub expires_at: Option<Timestamp>,
    /// When it happened, as the caller said; the rule may have gone by it.
    pub occurred_at: Option<Timestamp>,
    /// Where to ship; private, and nothing once it has been erased.
    pub deliver_to: Option<DeliverTo>,
}

impl PurchaseRecorded {
    /// The unit that stands first, which is the only one where it went by one rule.
    #[must_use]
    pub fn first_unit(&self) -> UnitId {
        self.earned.first().map(|earned| earned.unit).unwrap_or_default()
    }

    /// What it earned of a unit, where it went by a rule of it.
    #[must_use]
    pub fn earned_of(&self, unit: UnitId) -> Option<&PurchaseEarning> {
        self.earned.iter().find(|earned| earned.unit == unit)
    }

    /// The credit that it earned: of each unit stands an event right before it, in this order.
    pub fn credit(&self) -> impl DoubleEndedIterator<Item = UnitPoints> {
        let earned = self.earned.iter().filter(|earned| earned.points > Points::ZERO);
        earned
            .map(|PurchaseEarning { unit, points, .. }| UnitPoints { unit: *unit, points: *points })
    }
}

/// Credit of a unit that a purchase would have earned. The purchase's lines say how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreditRefused {
    /// The unit.
    pub unit: UnitId,
    /// Why it was refused.
    pub code: RefusalCode,
    /// It could have been spent from then on; without it, at once.
    pub available_at: Option<Timestamp>,
    /// It could have been spent before then; without it, for ever.
    pub expires_at: Option<Timestamp>,
    /// The period in which the rule's cap counts it, where the rule has a cap.
    pub cap_period: Option<CapPeriod>,
}

/// How many of a product came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnedLine {
    /// The product.
    pub product_id: ProductId,
    /// How many units.
    pub quantity: Units,
}

/// Room under a rule's cap that comes back with goods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomBack {
    /// The rule and the period.
    pub room: CapRoom,
    /// The points that the shopper may earn again in it.
    pub points: Points,
}

/// What a return took back of one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenBack {
    /// The unit.
    pub unit: UnitId,
    /// How much was to be taken back; nothing where no credit of the unit is there to be taken.
    pub points: Points,
    /// The room under a cap that comes back, where the purchase's credit of the unit was refused
    /// and nobody has claimed it.
    pub room_back: Option<RoomBack>,
}

/// Goods of a purchase came back. Where credit was taken back for them, the events before say so:
/// one for each unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseReturned {
    /// The purchase.
    pub purchase_id: PurchaseId,
    /// The caller's id for this return, unique within the purchase.
    pub return_id: ReturnId,
    /// What came back, in the order of the purchase's lines.
    pub lines: Vec<ReturnedLine>,
    /// What was to be taken back for it, of each unit that the purchase went by, in its order.
    pub taken: Box<[TakenBack]>,
    /// Whether the caller named the lines; if not, all that was left came back.
    pub asked_lines: bool,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
    /// Who, and why; private, and nothing once it has been erased.
    pub note: Note,
}

impl PurchaseReturned {
    /// The credit that it took: of each unit stands an event right before it, in this order.
    pub fn credit(&self) -> impl DoubleEndedIterator<Item = UnitPoints> {
        let taken = self.taken.iter().filter(|taken| taken.points > Points::ZERO);
        taken.map(|TakenBack { unit, points, .. }| UnitPoints { unit: *unit, points: *points })
    }
}

/// Credit of a further unit is given back, because a return is undone by the event
/// [`ReturnReversed`] that comes next, or after others of this kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnCreditGivenBack {
    /// The purchase.
    pub purchase_id: PurchaseId,
    /// The return.
    pub return_id: ReturnId,
    /// What is given back.
    pub credit: CreditGivenBack,
}

/// A return was undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnReversed {
    /// The purchase.
    pub purchase_id: PurchaseId,
    /// The return.
    pub return_id: ReturnId,
    /// What counts as bought again, in the order of the purchase's lines.
    pub lines: Vec<ReturnedLine>,
    /// What is given back, where the return had taken credit; of several units, of the first.
    pub credit: Option<CreditGivenBack>,
    /// What is given back of further units: of each stands an event right before it, in this order.
    pub further: Box<[UnitPoints]>,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
    /// Who, and why; private, and nothing once it has been erased.
    pub note: Note,
}

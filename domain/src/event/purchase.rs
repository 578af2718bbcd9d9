//! Facts about goods that were bought for money.

use super::{CreditGivenBack, Note, RuleVersion};
use crate::{
    CapPeriod, CapRoom, Category, DeliverTo, Points, ProductId, PurchaseId, RefusalCode, ReturnId,
    RuleId, Timestamp, UnitId, Units, WarehouseId,
};

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
    /// What the line earned, where it earned something; a return of it takes that back. Where the
    /// purchase's credit was refused, what a claim gives for it.
    pub points: Option<Points>,
}

/// Goods were bought for money. It bears the purchase's id, which is a cause, and every field of
/// the request. Where it earned credit, the event before says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseRecorded {
    /// The caller's id for it.
    pub purchase_id: PurchaseId,
    /// What was bought; at least one line, each product once.
    pub lines: Vec<PurchaseLine>,
    /// Of which unit its points are.
    pub unit: UnitId,
    /// What it earned in all.
    pub points: Option<Points>,
    /// Why it earned nothing, where its credit was refused; the credit can be claimed once.
    pub credit_refused: Option<CreditRefused>,
    /// What the rule gave, where its cap cut that.
    pub points_before_cap: Option<Points>,
    /// The points that the caller named, which may be 0; without them, a rule gave them.
    pub asked_points: Option<Points>,
    /// The rule that the caller named.
    pub asked_rule: Option<RuleId>,
    /// The rule that was gone by, where no points were named; it may have given none.
    pub rule: Option<RuleVersion>,
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

/// Credit that a purchase would have earned. The purchase's lines say how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreditRefused {
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

/// Goods of a purchase came back. Where credit was taken back for them, the event before says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseReturned {
    /// The purchase.
    pub purchase_id: PurchaseId,
    /// The caller's id for this return, unique within the purchase.
    pub return_id: ReturnId,
    /// What came back, in the order of the purchase's lines.
    pub lines: Vec<ReturnedLine>,
    /// Of which unit its points are.
    pub unit: UnitId,
    /// What was to be taken back for it.
    pub points: Option<Points>,
    /// The room under a cap that comes back, where the purchase's credit was refused and nobody has
    /// claimed it.
    pub room_back: Option<RoomBack>,
    /// Whether the caller named the lines; if not, all that was left came back.
    pub asked_lines: bool,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
    /// Who, and why; private, and nothing once it has been erased.
    pub note: Note,
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
    /// What is given back, where the return had taken credit.
    pub credit: Option<CreditGivenBack>,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
    /// Who, and why; private, and nothing once it has been erased.
    pub note: Note,
}

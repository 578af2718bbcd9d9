//! Goods that were bought for money.

use std::borrow::Cow;

use domain::{
    Category, LadderTier, Note, Points, ProductId, PurchaseId, RefusalCode, ReturnId, RuleId,
    Timestamp, UnitId, UnitPoints, Units, WarehouseId,
};
use serde::{Deserialize, Serialize};

use super::cap::{CapPeriod, CapRoom};
use super::credit::RuleVersion;
use super::withdrawal::CreditGivenBack;

/// One line of a purchase.
#[derive(Serialize, Deserialize)]
pub(crate) struct PurchaseLine<'a> {
    product_id: Cow<'a, ProductId>,
    quantity: Units,
    /// In the currency's smallest unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<Cow<'a, Category>>,
    /// Units of which the line earned nothing are missing.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    earned: Cow<'a, [UnitPoints]>,
}

impl<'a> From<&'a domain::PurchaseLine> for PurchaseLine<'a> {
    fn from(fact: &'a domain::PurchaseLine) -> Self {
        let domain::PurchaseLine { product_id, quantity, amount, category, earned } = fact;
        Self {
            product_id: Cow::Borrowed(product_id),
            quantity: *quantity,
            amount: *amount,
            category: category.as_ref().map(Cow::Borrowed),
            earned: Cow::Borrowed(earned),
        }
    }
}

impl From<PurchaseLine<'_>> for domain::PurchaseLine {
    fn from(stored: PurchaseLine<'_>) -> Self {
        let PurchaseLine { product_id, quantity, amount, category, earned } = stored;
        Self {
            product_id: product_id.into_owned(),
            quantity,
            amount,
            category: category.map(Cow::into_owned),
            earned: earned.into_owned().into(),
        }
    }
}

/// What a purchase earned of one unit.
#[derive(Serialize, Deserialize)]
struct PurchaseEarning<'a> {
    unit: UnitId,
    #[serde(with = "domain::sum")]
    points: Points,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<RuleVersion<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    points_before_cap: Option<Points>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tier: Option<LadderTier>,
}

impl<'a> From<&'a domain::PurchaseEarning> for PurchaseEarning<'a> {
    fn from(fact: &'a domain::PurchaseEarning) -> Self {
        let domain::PurchaseEarning { unit, points, rule, points_before_cap, tier } = fact;
        Self {
            unit: *unit,
            points: *points,
            rule: rule.as_ref().map(Into::into),
            points_before_cap: *points_before_cap,
            tier: *tier,
        }
    }
}

impl From<PurchaseEarning<'_>> for domain::PurchaseEarning {
    fn from(stored: PurchaseEarning<'_>) -> Self {
        let PurchaseEarning { unit, points, rule, points_before_cap, tier } = stored;
        Self { unit, points, rule: rule.map(Into::into), points_before_cap, tier }
    }
}

/// Credit of a unit that a purchase would have earned.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct CreditRefused {
    unit: UnitId,
    code: RefusalCode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    available_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cap_period: Option<CapPeriod>,
}

impl From<domain::CreditRefused> for CreditRefused {
    fn from(fact: domain::CreditRefused) -> Self {
        let domain::CreditRefused { unit, code, available_at, expires_at, cap_period } = fact;
        Self { unit, code, available_at, expires_at, cap_period: cap_period.map(Into::into) }
    }
}

impl From<CreditRefused> for domain::CreditRefused {
    fn from(stored: CreditRefused) -> Self {
        let CreditRefused { unit, code, available_at, expires_at, cap_period } = stored;
        Self { unit, code, available_at, expires_at, cap_period: cap_period.map(Into::into) }
    }
}

/// `purchase-recorded`.
#[derive(Serialize, Deserialize)]
pub(crate) struct PurchaseRecorded<'a> {
    purchase_id: Cow<'a, PurchaseId>,
    lines: Vec<PurchaseLine<'a>>,
    earned: Vec<PurchaseEarning<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    credit_refused: Vec<CreditRefused>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "domain::optional_sum")]
    asked_points: Option<Points>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_rule: Option<Cow<'a, RuleId>>,
    /// More than one.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    asked_rules: Cow<'a, [RuleId]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    warehouse: Option<Cow<'a, WarehouseId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    available_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::PurchaseRecorded> for PurchaseRecorded<'a> {
    fn from(fact: &'a domain::PurchaseRecorded) -> Self {
        // What is private goes into the private text.
        let domain::PurchaseRecorded {
            purchase_id,
            lines,
            earned,
            credit_refused,
            asked_points,
            asked_rules,
            warehouse,
            available_at,
            expires_at,
            occurred_at,
            deliver_to: _,
        } = fact;
        let (asked_rule, asked_rules) = match &**asked_rules {
            [rule] => (Some(rule), &[][..]),
            rules => (None, rules),
        };
        Self {
            purchase_id: Cow::Borrowed(purchase_id),
            lines: lines.iter().map(Into::into).collect(),
            earned: earned.iter().map(Into::into).collect(),
            credit_refused: credit_refused.iter().copied().map(Into::into).collect(),
            asked_points: *asked_points,
            asked_rule: asked_rule.map(Cow::Borrowed),
            asked_rules: Cow::Borrowed(asked_rules),
            warehouse: warehouse.as_ref().map(Cow::Borrowed),
            available_at: *available_at,
            expires_at: *expires_at,
            occurred_at: *occurred_at,
        }
    }
}

impl From<PurchaseRecorded<'_>> for domain::PurchaseRecorded {
    fn from(stored: PurchaseRecorded<'_>) -> Self {
        let PurchaseRecorded {
            purchase_id,
            lines,
            earned,
            credit_refused,
            asked_points,
            asked_rule,
            asked_rules,
            warehouse,
            available_at,
            expires_at,
            occurred_at,
        } = stored;
        let asked_rule = asked_rule.into_iter().map(Cow::into_owned);
        Self {
            purchase_id: purchase_id.into_owned(),
            lines: lines.into_iter().map(Into::into).collect(),
            earned: earned.into_iter().map(Into::into).collect(),
            credit_refused: credit_refused.into_iter().map(Into::into).collect(),
            asked_points,
            asked_rules: asked_rule.chain(asked_rules.into_owned()).collect(),
            warehouse: warehouse.map(Cow::into_owned),
            available_at,
            expires_at,
            occurred_at,
            deliver_to: None,
        }
    }
}

/// How many of a product came back.
#[derive(Serialize, Deserialize)]
pub(crate) struct ReturnedLine<'a> {
    product_id: Cow<'a, ProductId>,
    quantity: Units,
}

impl<'a> From<&'a domain::ReturnedLine> for ReturnedLine<'a> {
    fn from(fact: &'a domain::ReturnedLine) -> Self {
        let domain::ReturnedLine { product_id, quantity } = fact;
        Self { product_id: Cow::Borrowed(product_id), quantity: *quantity }
    }
}

impl From<ReturnedLine<'_>> for domain::ReturnedLine {
    fn from(stored: ReturnedLine<'_>) -> Self {
        let ReturnedLine { product_id, quantity } = stored;
        Self { product_id: product_id.into_owned(), quantity }
    }
}

/// Room under a rule's cap that comes back with goods.
#[derive(Serialize, Deserialize)]
struct RoomBack<'a> {
    room: CapRoom<'a>,
    points: Points,
}

impl<'a> From<&'a domain::RoomBack> for RoomBack<'a> {
    fn from(fact: &'a domain::RoomBack) -> Self {
        let domain::RoomBack { room, points } = fact;
        Self { room: room.into(), points: *points }
    }
}

impl From<RoomBack<'_>> for domain::RoomBack {
    fn from(stored: RoomBack<'_>) -> Self {
        let RoomBack { room, points } = stored;
        Self { room: room.into(), points }
    }
}

/// What a return took back of one unit.
#[derive(Serialize, Deserialize)]
struct TakenBack<'a> {
    unit: UnitId,
    #[serde(with = "domain::sum")]
    points: Points,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    room_back: Option<RoomBack<'a>>,
}

impl<'a> From<&'a domain::TakenBack> for TakenBack<'a> {
    fn from(fact: &'a domain::TakenBack) -> Self {
        let domain::TakenBack { unit, points, room_back } = fact;
        Self { unit: *unit, points: *points, room_back: room_back.as_ref().map(Into::into) }
    }
}

impl From<TakenBack<'_>> for domain::TakenBack {
    fn from(stored: TakenBack<'_>) -> Self {
        let TakenBack { unit, points, room_back } = stored;
        Self { unit, points, room_back: room_back.map(Into::into) }
    }
}

/// `purchase-returned`.
#[derive(Serialize, Deserialize)]
pub(crate) struct PurchaseReturned<'a> {
    purchase_id: Cow<'a, PurchaseId>,
    return_id: Cow<'a, ReturnId>,
    lines: Vec<ReturnedLine<'a>>,
    taken: Vec<TakenBack<'a>>,
    asked_lines: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::PurchaseReturned> for PurchaseReturned<'a> {
    fn from(fact: &'a domain::PurchaseReturned) -> Self {
        // What is private goes into the private text.
        let domain::PurchaseReturned {
            purchase_id,
            return_id,
            lines,
            taken,
            asked_lines,
            occurred_at,
            note: _,
        } = fact;
        Self {
            purchase_id: Cow::Borrowed(purchase_id),
            return_id: Cow::Borrowed(return_id),
            lines: lines.iter().map(Into::into).collect(),
            taken: taken.iter().map(Into::into).collect(),
            asked_lines: *asked_lines,
            occurred_at: *occurred_at,
        }
    }
}

impl From<PurchaseReturned<'_>> for domain::PurchaseReturned {
    fn from(stored: PurchaseReturned<'_>) -> Self {
        let PurchaseReturned { purchase_id, return_id, lines, taken, asked_lines, occurred_at } =
            stored;
        Self {
            purchase_id: purchase_id.into_owned(),
            return_id: return_id.into_owned(),
            lines: lines.into_iter().map(Into::into).collect(),
            taken: taken.into_iter().map(Into::into).collect(),
            asked_lines,
            occurred_at,
            note: Note::default(),
        }
    }
}

/// `credit-given-back`.
#[derive(Serialize, Deserialize)]
pub(crate) struct ReturnCreditGivenBack<'a> {
    purchase_id: Cow<'a, PurchaseId>,
    return_id: Cow<'a, ReturnId>,
    credit: CreditGivenBack<'a>,
}

impl<'a> From<&'a domain::ReturnCreditGivenBack> for ReturnCreditGivenBack<'a> {
    fn from(fact: &'a domain::ReturnCreditGivenBack) -> Self {
        let domain::ReturnCreditGivenBack { purchase_id, return_id, credit } = fact;
        Self {
            purchase_id: Cow::Borrowed(purchase_id),
            return_id: Cow::Borrowed(return_id),
            credit: credit.into(),
        }
    }
}

impl From<ReturnCreditGivenBack<'_>> for domain::ReturnCreditGivenBack {
    fn from(stored: ReturnCreditGivenBack<'_>) -> Self {
        let ReturnCreditGivenBack { purchase_id, return_id, credit } = stored;
        Self {
            purchase_id: purchase_id.into_owned(),
            return_id: return_id.into_owned(),
            credit: credit.into(),
        }
    }
}

/// `return-reversed`.
#[derive(Serialize, Deserialize)]
pub(crate) struct ReturnReversed<'a> {
    purchase_id: Cow<'a, PurchaseId>,
    return_id: Cow<'a, ReturnId>,
    lines: Vec<ReturnedLine<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credit: Option<CreditGivenBack<'a>>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    further: Cow<'a, [UnitPoints]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::ReturnReversed> for ReturnReversed<'a> {
    fn from(fact: &'a domain::ReturnReversed) -> Self {
        // What is private goes into the private text.
        let domain::ReturnReversed {
            purchase_id,
            return_id,
            lines,
            credit,
            further,
            occurred_at,
            note: _,
        } = fact;
        Self {
            purchase_id: Cow::Borrowed(purchase_id),
            return_id: Cow::Borrowed(return_id),
            lines: lines.iter().map(Into::into).collect(),
            credit: credit.as_ref().map(Into::into),
            further: Cow::Borrowed(further),
            occurred_at: *occurred_at,
        }
    }
}

impl From<ReturnReversed<'_>> for domain::ReturnReversed {
    fn from(stored: ReturnReversed<'_>) -> Self {
        let ReturnReversed { purchase_id, return_id, lines, credit, further, occurred_at } = stored;
        Self {
            purchase_id: purchase_id.into_owned(),
            return_id: return_id.into_owned(),
            lines: lines.into_iter().map(Into::into).collect(),
            credit: credit.map(Into::into),
            further: further.into_owned().into(),
            occurred_at,
            note: Note::default(),
        }
    }
}

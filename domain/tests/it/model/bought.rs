//! What is compared of a purchase and of a return, by unit.

use domain::{CapRoom, PurchaseEarning, PurchaseRecorded, TakenBack, Timestamp, UnitId};

use super::earning::Span;
use super::effect::{number, span_of};
use super::ledger::Refused;

/// What a purchase earned of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BoughtOf {
    pub(crate) unit: UnitId,
    /// By line.
    pub(crate) points: Vec<u128>,
    pub(crate) sum: u128,
    pub(crate) rule: Option<(String, u64)>,
    pub(crate) refused: Option<Refused>,
    /// What the rule gave, where its cap cut that.
    pub(crate) before_cap: Option<u128>,
}

/// What a return took of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TakenOf {
    pub(crate) unit: UnitId,
    pub(crate) points: u128,
    /// The room under a cap that comes back though nothing is taken.
    pub(crate) room: Option<(String, Span, u128)>,
}

pub(super) fn bought_of(it: &PurchaseRecorded, earning: &PurchaseEarning) -> BoughtOf {
    let mut refused = it.credit_refused.iter();
    BoughtOf {
        unit: earning.unit,
        points: it.lines.iter().map(|line| number(line.earned_of(earning.unit))).collect(),
        sum: number(earning.points),
        rule: earning.rule.as_ref().map(|rule| (rule.rule_id.to_string(), rule.version)),
        refused: refused.find(|refused| refused.unit == earning.unit).map(|refused| Refused {
            code: refused.code.as_str(),
            available_at: refused.available_at.map(Timestamp::micros),
            expires_at: refused.expires_at.map(Timestamp::micros),
            cap_period: refused.cap_period.map(span_of),
        }),
        before_cap: earning.points_before_cap.map(number),
    }
}

pub(super) fn taken_of(taken: &TakenBack) -> TakenOf {
    TakenOf {
        unit: taken.unit,
        points: number(taken.points),
        room: taken.room_back.as_ref().map(|back| {
            let CapRoom { rule_id, period } = &back.room;
            (rule_id.to_string(), span_of(*period), number(back.points))
        }),
    }
}

//! Holds, and what becomes of them.

use domain::{
    CaptureRefund, CreditHeld, CreditRefunded, Event, Grace, HoldCaptured, HoldExtended,
    HoldReleased, Keeps, LotPart, Note, RefundCause, ReleaseReason, UnitId,
};

use super::{account, day, part, sum};
use crate::ledger::{id, points};

pub fn held(name: &str, hold: &str, lots: Vec<LotPart>, ends_on: i64) -> Event {
    let deadline = day(ends_on);
    let points = sum(&lots);
    let (hold_id, grace) = (id(hold), grace());
    let fact = CreditHeld {
        unit: UnitId::POINTS,
        hold_id,
        points,
        lots,
        deadline,
        grace,
        keeps: Keeps::Nothing,
        occurred_at: None,
    };
    Event::CreditHeld(account(name), fact)
}

/// The grace that the policy promises.
pub(super) fn grace() -> Grace {
    Grace { days: 14, on_own_request: false }
}

pub fn extended(name: &str, hold: &str, extension: &str, ends_on: i64) -> Event {
    let fact = HoldExtended {
        hold_id: id(hold),
        extension_id: id(extension),
        deadline: day(ends_on),
        occurred_at: None,
    };
    Event::HoldExtended(account(name), fact)
}

/// Points that a capture spent come back.
pub fn capture_refunded(
    name: &str,
    hold: &str,
    refund: &str,
    captured: u64,
    lots: Vec<LotPart>,
) -> Event {
    let refund = CaptureRefund {
        hold_id: id(hold),
        refund_id: id(refund),
        captured_points: points(captured),
        asked_points: Some(sum(&lots)),
        occurred_at: None,
        note: Note { by: None, reason: Some(id("broken")) },
    };
    let fact = CreditRefunded {
        unit: UnitId::POINTS,
        cause: RefundCause::Capture(refund),
        points: sum(&lots),
        lots,
    };
    Event::CreditRefunded(account(name), fact)
}

pub(super) fn captured(
    name: &str,
    hold: &str,
    lot: u64,
    amount: u64,
    rest: u64,
    pays_exchange: bool,
) -> Event {
    let fact = HoldCaptured {
        unit: UnitId::POINTS,
        hold_id: id(hold),
        points: points(amount),
        lots: vec![part(lot, amount, None)],
        released: if rest > 0 { vec![part(lot, rest, None)] } else { vec![] },
        grace_until: None,
        grace: grace(),
        pays_exchange,
        asked_points: None,
        keeps: Keeps::Nothing,
        occurred_at: None,
    };
    Event::HoldCaptured(account(name), fact)
}

pub(super) fn released(
    name: &str,
    hold: &str,
    lot: u64,
    amount: u64,
    reason: ReleaseReason,
) -> Event {
    let fact = HoldReleased {
        unit: UnitId::POINTS,
        hold_id: id(hold),
        points: points(amount),
        lots: vec![part(lot, amount, None)],
        grace_until: None,
        reason,
        keeps: Keeps::Nothing,
        occurred_at: None,
    };
    Event::HoldReleased(account(name), fact)
}

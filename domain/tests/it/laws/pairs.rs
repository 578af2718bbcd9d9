//! Which events stand side by side, and which parts they move.

use domain::{CauseKind, Event, LotPart, Points, RefundCause, ReturnReversed, WithdrawalCause};

/// Whether the second event is the same of another unit: an exchange that costs several has one
/// half for each, and so have a return of what earned several and its reversal.
pub(crate) fn goes_on(first: &Event, second: &Event) -> bool {
    match (first, second) {
        (Event::CreditDeducted(account, fact), Event::CreditDeducted(other, next)) => {
            account == other && fact.exchange_id == next.exchange_id && fact.unit != next.unit
        }
        (Event::HoldCaptured(account, fact), Event::HoldCaptured(other, next)) => {
            account == other && fact.hold_id == next.hold_id && fact.unit != next.unit
        }
        (Event::CreditRefunded(account, fact), Event::CreditRefunded(other, next)) => {
            let is_cancellation = matches!(fact.cause, RefundCause::Cancellation { .. });
            is_cancellation
                && account == other
                && fact.cause == next.cause
                && fact.unit != next.unit
        }
        (Event::CreditWithdrawn(account, fact), Event::CreditWithdrawn(other, next)) => {
            let is_return = matches!(fact.withdrawal, WithdrawalCause::Return { .. });
            is_return
                && account == other
                && fact.withdrawal == next.withdrawal
                && fact.unit != next.unit
        }
        (Event::CreditGivenBack(account, fact), Event::CreditGivenBack(other, next)) => {
            account == other
                && fact.purchase_id == next.purchase_id
                && fact.return_id == next.return_id
                && fact.credit.unit != next.credit.unit
        }
        _ => false,
    }
}

/// What must come next, by its type.
pub(crate) fn second_half_of(event: &Event) -> Option<&'static str> {
    match event {
        Event::CreditDeducted(..) => Some("exchange-created"),
        Event::HoldCaptured(_, fact) if fact.pays_exchange => Some("exchange-created"),
        Event::CreditRefunded(_, fact) => {
            let is_cancellation = matches!(fact.cause, RefundCause::Cancellation { .. });
            is_cancellation.then_some("exchange-cancelled")
        }
        Event::CreditSent(..) => Some("credit-received"),
        Event::CreditConverted(..) => Some("credit-earned"),
        Event::CreditWithdrawn(_, fact) => {
            matches!(fact.withdrawal, WithdrawalCause::Return { .. }).then_some("purchase-returned")
        }
        Event::CreditGivenBack(..) => Some("return-reversed"),
        _ => None,
    }
}

/// What must have come before, by the type of the second half.
pub(crate) fn first_half_of(event: &Event) -> Option<&'static str> {
    match event {
        // What was free has no other half, unless a hold was captured for it.
        Event::ExchangeCreated(_, fact) => {
            let is_half = !fact.prices.is_free() || fact.hold_id.is_some();
            is_half.then_some("exchange-created")
        }
        Event::ExchangeCancelled(_, fact) => {
            (!fact.refunded.is_empty()).then_some("exchange-cancelled")
        }
        Event::CreditReceived(..) => Some("credit-received"),
        Event::CreditEarned(_, fact) => {
            (fact.cause.kind == CauseKind::Conversion).then_some("credit-earned")
        }
        Event::PurchaseReturned(_, fact) => fact.credit().next().map(|_| "purchase-returned"),
        Event::ReturnReversed(_, fact) => (!fact.further.is_empty()).then_some("return-reversed"),
        _ => None,
    }
}

/// The points that an event moves, and the parts that they are.
pub(crate) fn moved(event: &Event) -> Option<(Points, &[LotPart])> {
    match event {
        Event::CreditMatured(_, fact) => Some((fact.points, &fact.lots)),
        Event::CreditDeducted(_, fact) => Some((fact.points, &fact.lots)),
        Event::CreditExpired(_, fact) => Some((fact.points, &fact.lots)),
        Event::CreditRefunded(_, fact) => Some((fact.points, &fact.lots)),
        Event::DebtRepaid(_, fact) => Some((fact.points, &fact.lots)),
        Event::CreditSent(_, fact) => Some((fact.points, &fact.lots)),
        Event::CreditReceived(_, fact) => Some((fact.points, &fact.lots)),
        Event::CreditConverted(_, fact) => Some((fact.points, &fact.lots)),
        Event::CreditHeld(_, fact) => Some((fact.points, &fact.lots)),
        Event::HoldCaptured(_, fact) => Some((fact.points, &fact.lots)),
        Event::HoldReleased(_, fact) => Some((fact.points, &fact.lots)),
        _ => None,
    }
}

/// All parts of lots that an event names.
pub(crate) fn parts_in(event: &Event) -> Vec<&LotPart> {
    let parts: [&[LotPart]; 2] = match event {
        Event::CreditWithdrawn(_, fact) => [&fact.lots, &[]],
        Event::WithdrawalReversed(_, fact) => [&fact.credit.lots, &[]],
        Event::CreditGivenBack(_, fact) => [&fact.credit.lots, &[]],
        Event::ReturnReversed(_, ReturnReversed { credit: Some(fact), .. }) => [&fact.lots, &[]],
        Event::HoldCaptured(_, fact) => [&fact.lots, &fact.released],
        Event::HoldSwapped(_, fact) => [&fact.lots, &fact.returned],
        other => [moved(other).map(|(_, parts)| parts).unwrap_or_default(), &[]],
    };
    parts.into_iter().flatten().collect()
}

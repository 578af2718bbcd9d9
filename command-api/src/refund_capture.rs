//! `PUT /v1/accounts/{account_id}/holds/{hold_id}/refunds/{refund_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::RefundCapture;
use domain::{
    AccountId, CaptureRefund, Command, CreditRefunded, Event, HoldId, LotPart, Note, Points,
    RefundCause, RefundId, UnitId,
};
use log_record::Place;
use wire::body::{CaptureRefundedBody, RefundCaptureBody};
use wire::{Caller, JsonBody, Problem, ThreePathIds};

use crate::CommandApi;
use crate::credit_lot::lot_parts;
use crate::execute::unexpected;

pub(crate) async fn refund_capture(
    State(api): State<CommandApi>,
    caller: Caller,
    ThreePathIds(account_id, hold_id, refund_id): ThreePathIds<AccountId, HoldId, RefundId>,
    JsonBody(RefundCaptureBody { points, by, reason, occurred_at }): JsonBody<RefundCaptureBody>,
) -> Result<Response, Problem> {
    let command = Command::RefundCapture(RefundCapture {
        account_id,
        hold_id,
        refund_id,
        points,
        note: Note { by, reason },
        occurred_at,
        original: None,
    });
    let mut done = api.execute(command, caller).await?;
    let Some(Event::CreditRefunded(account_id, fact)) = done.event.take() else {
        return Err(unexpected());
    };
    let CreditRefunded { cause: RefundCause::Capture(refund), unit, points, lots } = fact else {
        return Err(unexpected());
    };
    done.respond(&capture_refunded(account_id, refund, (unit, points), lots, done.place))
}

/// The fact `credit-refunded` of a capture.
pub(crate) fn capture_refunded(
    account_id: AccountId,
    refund: CaptureRefund,
    (unit, points): (UnitId, Points),
    lots: Vec<LotPart>,
    position: Place,
) -> CaptureRefundedBody {
    let CaptureRefund {
        hold_id,
        refund_id,
        captured_points,
        asked_points,
        occurred_at,
        note: _private,
    } = refund;
    CaptureRefundedBody {
        account_id,
        hold_id,
        refund_id,
        unit,
        points,
        lots: lot_parts(lots),
        captured_points,
        asked_points,
        occurred_at,
        position,
    }
}

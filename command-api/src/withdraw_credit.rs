//! `PUT /v1/accounts/{account_id}/withdrawals/{withdrawal_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::WithdrawCredit;
use domain::{AccountId, Command, CreditWithdrawn, Note, WithdrawalCause, WithdrawalId};
use log_record::Place;
use wire::body::{CapRoomBody, CreditWithdrawnBody, WithdrawCreditBody, WithdrawalBody};
use wire::{Caller, JsonBody, Object, PathIds, Problem};

use crate::CommandApi;
use crate::credit_lot::lot_parts;
use crate::earn_credit::{cause, cause_body, check_may_earn};
use crate::execute::respond_fact;

pub(crate) async fn withdraw_credit(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, withdrawal_id): PathIds<AccountId, WithdrawalId>,
    JsonBody(body): JsonBody<WithdrawCreditBody>,
) -> Result<Response, Problem> {
    let WithdrawCreditBody { cause: Object(body), unit, points, by, reason, occurred_at } = body;
    let cause = cause(body);
    check_may_earn(caller.role, &cause)?;
    let command = Command::WithdrawCredit(WithdrawCredit {
        account_id,
        withdrawal_id,
        cause,
        unit: unit.unwrap_or_default(),
        points,
        note: Note { by, reason },
        occurred_at,
        original: None,
    });
    let done = api.execute(command, caller).await?;
    respond_fact!(done, CreditWithdrawn => credit_withdrawn)
}

/// The fact `credit-withdrawn` as withdrawals and adjustments answer it.
pub(crate) fn credit_withdrawn(
    account_id: AccountId,
    fact: CreditWithdrawn,
    position: Place,
) -> CreditWithdrawnBody {
    let CreditWithdrawn {
        withdrawal,
        unit,
        points,
        lots,
        owed,
        expired,
        forgiven,
        available_at,
        of,
        of_lot,
        cap_room,
        counted_on,
        asked_points,
        reference,
        occurred_at,
        note: _private,
    } = fact;
    CreditWithdrawnBody {
        account_id,
        withdrawal: match withdrawal {
            WithdrawalCause::Withdrawal { id } => WithdrawalBody::Withdrawal { id },
            WithdrawalCause::Return { purchase_id, id } => {
                WithdrawalBody::Return { purchase_id, id }
            }
            WithdrawalCause::Adjustment { id } => WithdrawalBody::Adjustment { id },
        },
        unit,
        points,
        lots: lot_parts(lots),
        owed,
        expired,
        forgiven,
        available_at,
        of: of.map(cause_body),
        of_lot,
        cap_room: cap_room.map(CapRoomBody::from),
        counted_on,
        asked_points,
        reference,
        occurred_at,
        position,
    }
}

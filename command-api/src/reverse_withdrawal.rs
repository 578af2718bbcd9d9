//! `PUT /v1/accounts/{account_id}/withdrawals/{withdrawal_id}/reversal`

use axum::extract::State;
use axum::response::Response;
use domain::command::ReverseWithdrawal;
use domain::{AccountId, Command, CreditGivenBack, Note, WithdrawalId, WithdrawalReversed};
use log_record::Place;
use wire::body::{CapRoomBody, CreditGivenBackBody, ReverseBody, WithdrawalReversedBody};
use wire::{Caller, JsonBody, PathIds, Problem};

use crate::CommandApi;
use crate::credit_lot::lot_parts;
use crate::earn_credit::cause_body;
use crate::execute::respond_fact;

pub(crate) async fn reverse_withdrawal(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, withdrawal_id): PathIds<AccountId, WithdrawalId>,
    JsonBody(ReverseBody { by, reason, occurred_at }): JsonBody<ReverseBody>,
) -> Result<Response, Problem> {
    let (note, original) = (Note { by, reason }, None);
    let command = ReverseWithdrawal { account_id, withdrawal_id, note, occurred_at, original };
    let done = api.execute(Command::ReverseWithdrawal(command), caller).await?;
    respond_fact!(done, WithdrawalReversed => withdrawal_reversed)
}

pub(crate) fn withdrawal_reversed(
    account_id: AccountId,
    fact: WithdrawalReversed,
    position: Place,
) -> WithdrawalReversedBody {
    let WithdrawalReversed { withdrawal_id, credit, occurred_at, note: _private } = fact;
    let credit = credit_given_back(credit);
    WithdrawalReversedBody { account_id, withdrawal_id, credit, occurred_at, position }
}

/// What a reversal gives back.
pub(crate) fn credit_given_back(fact: CreditGivenBack) -> CreditGivenBackBody {
    let CreditGivenBack {
        withdrawn_at,
        unit,
        of,
        of_lot,
        points,
        lots,
        available_at,
        owed,
        expired,
        forgiven,
        cap_room,
        counted_on,
    } = fact;
    CreditGivenBackBody {
        withdrawn_at: withdrawn_at.into(),
        of: cause_body(of),
        of_lot,
        unit,
        points,
        lots: lot_parts(lots),
        available_at,
        owed,
        expired,
        forgiven,
        cap_room: cap_room.map(CapRoomBody::from),
        counted_on,
    }
}

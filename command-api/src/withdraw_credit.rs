//! `PUT /v1/accounts/{account_id}/withdrawals/{withdrawal_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::WithdrawCredit;
use domain::{
    AccountId, Actor, Cause, Command, Event, Note, Points, Reason, Timestamp, WithdrawalId,
};
use serde::Deserialize;
use wire::{Caller, JsonBody, Object, PathIds, Problem};

use crate::CommandApi;
use crate::earn_credit::check_may_earn;
use crate::execute::unexpected;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WithdrawCreditBody {
    cause: Object<Cause>,
    points: Option<Points>,
    by: Option<Actor>,
    reason: Option<Reason>,
    occurred_at: Option<Timestamp>,
}

pub(crate) async fn withdraw_credit(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, withdrawal_id): PathIds<AccountId, WithdrawalId>,
    JsonBody(body): JsonBody<WithdrawCreditBody>,
) -> Result<Response, Problem> {
    check_may_earn(caller.role, &body.cause.0)?;
    let command = Command::WithdrawCredit(WithdrawCredit {
        account_id,
        withdrawal_id,
        cause: body.cause.0,
        points: body.points,
        note: Note { by: body.by, reason: body.reason },
        occurred_at: body.occurred_at,
        original: None,
    });
    let done = api.execute(command, caller).await?;
    let Some(Event::CreditWithdrawn(account_id, fact)) = &done.event else {
        return Err(unexpected());
    };
    done.respond_fact(account_id, fact)
}

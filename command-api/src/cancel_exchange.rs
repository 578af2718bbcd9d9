//! `PUT /v1/accounts/{account_id}/exchanges/{exchange_id}/cancellations/{cancellation_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::CancelExchange;
use domain::{
    AccountId, Actor, CancellationId, Command, Event, ExchangeId, Note, Reason, Timestamp, Units,
};
use serde::Deserialize;
use wire::{Caller, JsonBody, Problem, Role, ThreePathIds};

use crate::CommandApi;
use crate::execute::unexpected;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CancelExchangeBody {
    quantity: Option<Units>,
    by: Option<Actor>,
    reason: Option<Reason>,
    occurred_at: Option<Timestamp>,
}

pub(crate) async fn cancel_exchange(
    State(api): State<CommandApi>,
    caller: Caller,
    ThreePathIds(account_id, exchange_id, cancellation_id): ThreePathIds<
        AccountId,
        ExchangeId,
        CancellationId,
    >,
    JsonBody(body): JsonBody<CancelExchangeBody>,
) -> Result<Response, Problem> {
    let command = Command::CancelExchange(CancelExchange {
        account_id,
        exchange_id,
        cancellation_id,
        quantity: body.quantity,
        by_operator: caller.role == Role::Operator,
        note: Note { by: body.by, reason: body.reason },
        occurred_at: body.occurred_at,
        original: None,
    });
    let done = api.execute(command, caller).await?;
    let Some(Event::ExchangeCancelled(account_id, fact)) = &done.event else {
        return Err(unexpected());
    };
    done.respond_fact(account_id, fact)
}

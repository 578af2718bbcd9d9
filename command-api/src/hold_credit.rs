//! `PUT /v1/accounts/{account_id}/holds/{hold_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::HoldCredit;
use domain::{AccountId, Command, Event, HoldId, Points, Timestamp};
use serde::Deserialize;
use wire::{Caller, JsonBody, PathIds, Problem};

use crate::CommandApi;
use crate::execute::unexpected;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoldCreditBody {
    points: Points,
    deadline: Timestamp,
    occurred_at: Option<Timestamp>,
}

pub(crate) async fn hold_credit(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, hold_id): PathIds<AccountId, HoldId>,
    JsonBody(body): JsonBody<HoldCreditBody>,
) -> Result<Response, Problem> {
    let HoldCreditBody { points, deadline, occurred_at } = body;
    let command =
        Command::HoldCredit(HoldCredit { account_id, hold_id, points, deadline, occurred_at });
    let done = api.execute(command, caller).await?;
    let Some(Event::CreditHeld(account_id, fact)) = &done.event else { return Err(unexpected()) };
    done.respond_fact(account_id, fact)
}

//! `PUT /v1/accounts/{account_id}/holds/{hold_id}/release`

use axum::extract::State;
use axum::response::Response;
use domain::command::ReleaseHold;
use domain::{AccountId, Command, Event, HoldId, Timestamp};
use serde::Deserialize;
use wire::{Caller, JsonBody, PathIds, Problem};

use crate::CommandApi;
use crate::execute::unexpected;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleaseHoldBody {
    occurred_at: Option<Timestamp>,
}

pub(crate) async fn release_hold(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, hold_id): PathIds<AccountId, HoldId>,
    JsonBody(ReleaseHoldBody { occurred_at }): JsonBody<ReleaseHoldBody>,
) -> Result<Response, Problem> {
    let command = Command::ReleaseHold(ReleaseHold { account_id, hold_id, occurred_at });
    let done = api.execute(command, caller).await?;
    let Some(Event::HoldReleased(account_id, fact)) = &done.event else {
        return Err(unexpected());
    };
    done.respond_fact(account_id, fact)
}

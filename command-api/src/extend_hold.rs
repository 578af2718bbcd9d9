//! `PUT /v1/accounts/{account_id}/holds/{hold_id}/extensions/{extension_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::ExtendHold;
use domain::{AccountId, Command, Event, ExtensionId, HoldExtended, HoldId};
use log_record::Place;
use wire::body::{ExtendHoldBody, HoldExtendedBody};
use wire::{Caller, JsonBody, Problem, ThreePathIds};

use crate::CommandApi;
use crate::execute::unexpected;

pub(crate) async fn extend_hold(
    State(api): State<CommandApi>,
    caller: Caller,
    ThreePathIds(account_id, hold_id, extension_id): ThreePathIds<AccountId, HoldId, ExtensionId>,
    JsonBody(ExtendHoldBody { deadline, occurred_at }): JsonBody<ExtendHoldBody>,
) -> Result<Response, Problem> {
    let command = ExtendHold { account_id, hold_id, extension_id, deadline, occurred_at };
    let mut done = api.execute(Command::ExtendHold(command), caller).await?;
    let Some(Event::HoldExtended(account_id, fact)) = done.event.take() else {
        return Err(unexpected());
    };
    done.respond(&hold_extended(account_id, fact, done.place))
}

pub(crate) fn hold_extended(
    account_id: AccountId,
    fact: HoldExtended,
    position: Place,
) -> HoldExtendedBody {
    let HoldExtended { hold_id, extension_id, deadline, occurred_at } = fact;
    HoldExtendedBody { account_id, hold_id, extension_id, deadline, occurred_at, position }
}

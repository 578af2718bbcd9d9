//! `PUT /v1/accounts/{account_id}/holds/{hold_id}/extensions/{extension_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::ExtendHold;
use domain::{AccountId, Command, ExtensionId, HoldExtended, HoldId};
use log_record::Place;
use wire::body::{ExtendHoldBody, HoldExtendedBody};
use wire::{Caller, JsonBody, Problem, ThreePathIds};

use crate::CommandApi;
use crate::execute::respond_fact;

pub(crate) async fn extend_hold(
    State(api): State<CommandApi>,
    caller: Caller,
    ThreePathIds(account_id, hold_id, extension_id): ThreePathIds<AccountId, HoldId, ExtensionId>,
    JsonBody(ExtendHoldBody { deadline, occurred_at }): JsonBody<ExtendHoldBody>,
) -> Result<Response, Problem> {
    let command = ExtendHold { account_id, hold_id, extension_id, deadline, occurred_at };
    let done = api.execute(Command::ExtendHold(command), caller).await?;
    respond_fact!(done, HoldExtended => hold_extended)
}

pub(crate) fn hold_extended(
    account_id: AccountId,
    fact: HoldExtended,
    position: Place,
) -> HoldExtendedBody {
    let HoldExtended { hold_id, extension_id, deadline, occurred_at } = fact;
    HoldExtendedBody { account_id, hold_id, extension_id, deadline, occurred_at, position }
}

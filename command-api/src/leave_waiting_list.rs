//! `PUT /v1/accounts/{account_id}/waits/{wait_id}/leaving`

use axum::extract::State;
use axum::response::Response;
use domain::command::LeaveWaitingList;
use domain::{AccountId, Command, WaitEnded, WaitId};
use log_record::Place;
use wire::body::{LeaveWaitingListBody, WaitEndedBody};
use wire::{Caller, JsonBody, PathIds, Problem};

use crate::CommandApi;
use crate::execute::respond_fact;

pub(crate) async fn leave_waiting_list(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, wait_id): PathIds<AccountId, WaitId>,
    JsonBody(LeaveWaitingListBody { occurred_at }): JsonBody<LeaveWaitingListBody>,
) -> Result<Response, Problem> {
    let command = LeaveWaitingList { account_id, wait_id, occurred_at };
    let done = api.execute(Command::LeaveWaitingList(command), caller).await?;
    respond_fact!(done, WaitEnded => wait_ended)
}

pub(crate) fn wait_ended(account_id: AccountId, fact: WaitEnded, position: Place) -> WaitEndedBody {
    let WaitEnded { wait_id, offer_id, reason, served, occurred_at } = fact;
    WaitEndedBody { account_id, wait_id, offer_id, reason, served, occurred_at, position }
}

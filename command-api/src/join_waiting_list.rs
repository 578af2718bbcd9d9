//! `PUT /v1/accounts/{account_id}/waits/{wait_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::JoinWaitingList;
use domain::{AccountId, Command, WaitBegun, WaitId};
use log_record::Place;
use wire::body::{JoinWaitingListBody, WaitBegunBody};
use wire::{Caller, JsonBody, PathIds, Problem};

use crate::CommandApi;
use crate::execute::respond_fact;

pub(crate) async fn join_waiting_list(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, wait_id): PathIds<AccountId, WaitId>,
    JsonBody(JoinWaitingListBody { offer_id, occurred_at }): JsonBody<JoinWaitingListBody>,
) -> Result<Response, Problem> {
    let command = JoinWaitingList { account_id, wait_id, offer_id, occurred_at };
    let done = api.execute(Command::JoinWaitingList(command), caller).await?;
    respond_fact!(done, WaitBegun => wait_begun)
}

pub(crate) fn wait_begun(account_id: AccountId, fact: WaitBegun, position: Place) -> WaitBegunBody {
    let WaitBegun { wait_id, offer_id, occurred_at } = fact;
    WaitBegunBody { account_id, wait_id, offer_id, occurred_at, position }
}

//! `PUT /v1/accounts/{account_id}/waits/{wait_id}`: joins an offer's waiting list.
//!
//! Where there are several partitions, the offer's home is asked first whether the shopper has to
//! wait. What it says goes with the command, which is decided where the account lives. A repeat is
//! answered there alone.

use axum::extract::State;
use axum::response::Response;
use domain::command::{Admission, AdmitWait, JoinWaitingList};
use domain::{AccountId, Command, OfferId, WaitBegun, WaitId};
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
    let join = JoinWaitingList { account_id, wait_id, offer_id, occurred_at, admission: None };
    let mut command = Command::JoinWaitingList(join.clone());
    if !api.writers.knows(&command) {
        let admission = admission(&api, &join.offer_id, &caller).await?;
        command = Command::JoinWaitingList(JoinWaitingList { admission, ..join });
    }
    let done = api.execute(command, caller).await?;
    respond_fact!(done, WaitBegun => wait_begun)
}

pub(crate) fn wait_begun(account_id: AccountId, fact: WaitBegun, position: Place) -> WaitBegunBody {
    let WaitBegun { wait_id, offer_id, occurred_at } = fact;
    WaitBegunBody { account_id, wait_id, offer_id, occurred_at, position }
}

/// What the offer's home says of those who want to wait; nothing where there is one partition, or
/// where the account's partition is to say what is wrong.
async fn admission(
    api: &CommandApi,
    offer_id: &OfferId,
    caller: &Caller,
) -> Result<Option<Admission>, Problem> {
    if api.writers.partitions() == 1 {
        return Ok(None);
    }
    let admit = Command::AdmitWait(AdmitWait { offer_id: offer_id.clone() });
    match api.execute(admit, caller.clone()).await {
        Ok(_) => Ok(Some(Admission::Open)),
        Err(problem) => match problem.code() {
            "not-sold-out" => Ok(Some(Admission::NotSoldOut)),
            "waiting-list-full" => Ok(Some(Admission::Full)),
            "offer-unknown" => Ok(None),
            _ => Err(problem),
        },
    }
}

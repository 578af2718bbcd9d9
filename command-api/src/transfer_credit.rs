//! `PUT /v1/accounts/{account_id}/transfers/{transfer_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::TransferCredit;
use domain::{AccountId, Command, Event, Points, Timestamp, TransferId};
use serde::Deserialize;
use wire::{Caller, JsonBody, PathIds, Problem};

use crate::CommandApi;
use crate::execute::unexpected;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransferCreditBody {
    to: AccountId,
    points: Points,
    occurred_at: Option<Timestamp>,
}

pub(crate) async fn transfer_credit(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, transfer_id): PathIds<AccountId, TransferId>,
    JsonBody(TransferCreditBody { to, points, occurred_at }): JsonBody<TransferCreditBody>,
) -> Result<Response, Problem> {
    if to == account_id {
        let complaint = "is the account that sends; name another one";
        return Err(Problem::invalid_field("to", complaint));
    }
    let command = Command::TransferCredit(TransferCredit {
        account_id,
        transfer_id,
        to,
        points,
        occurred_at,
    });
    let done = api.execute(command, caller).await?;
    let Some(Event::CreditSent(account_id, fact)) = &done.event else { return Err(unexpected()) };
    done.respond_fact(account_id, fact)
}

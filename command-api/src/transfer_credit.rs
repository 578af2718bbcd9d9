//! `PUT /v1/accounts/{account_id}/transfers/{transfer_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::TransferCredit;
use domain::{AccountId, Command, CreditSent, TransferId};
use log_record::Place;
use wire::body::{CreditSentBody, TransferCreditBody};
use wire::{Caller, JsonBody, PathIds, Problem};

use crate::CommandApi;
use crate::credit_lot::lot_parts;
use crate::execute::respond_fact;

pub(crate) async fn transfer_credit(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, transfer_id): PathIds<AccountId, TransferId>,
    JsonBody(body): JsonBody<TransferCreditBody>,
) -> Result<Response, Problem> {
    let TransferCreditBody { to, unit, points, occurred_at } = body;
    if to == account_id {
        return Err(Problem::invalid_field("to", "must be another account than the sender's"));
    }
    let command = Command::TransferCredit(TransferCredit {
        account_id,
        transfer_id,
        to,
        unit: unit.unwrap_or_default(),
        points,
        occurred_at,
    });
    let done = api.execute(command, caller).await?;
    respond_fact!(done, CreditSent => credit_sent)
}

pub(crate) fn credit_sent(
    account_id: AccountId,
    fact: CreditSent,
    position: Place,
) -> CreditSentBody {
    let CreditSent { transfer_id, to, unit, points, lots, occurred_at } = fact;
    let lots = lot_parts(lots);
    CreditSentBody { account_id, transfer_id, to, unit, points, lots, occurred_at, position }
}

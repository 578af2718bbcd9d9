//! `PUT /v1/accounts/{account_id}/transfers/{transfer_id}`: where the recipient lives in another
//! partition, the answer waits for what becomes of the transfer there.

use axum::extract::State;
use axum::response::Response;
use domain::command::TransferCredit;
use domain::{AccountId, Command, CreditSent, Event, TransferId};
use log_record::Place;
use wire::body::{CreditSentBody, TransferCreditBody};
use wire::{Caller, JsonBody, PathIds, Problem};

use crate::CommandApi;
use crate::credit_lot::lot_parts;
use crate::execute::unexpected;

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
    if transfer_id.is_of_merger() {
        return Err(Problem::invalid_id("transfer_id", "must not be one of the ledger's own"));
    }
    let command = Command::TransferCredit(TransferCredit {
        account_id,
        transfer_id,
        to,
        unit: unit.unwrap_or_default(),
        points,
        occurred_at,
    });
    let deadline = api.deadline(&caller);
    let mut done = api.execute(command, caller).await?;
    let Some(Event::CreditSent(account_id, fact)) = done.event.take() else {
        return Err(unexpected());
    };
    let CreditSent { to, transfer_id, .. } = &fact;
    let outcome = api.writers.transfer_outcome(&account_id, to, transfer_id, deadline).await;
    let mut body = credit_sent(account_id, fact, done.place);
    body.status = outcome.map(|outcome| outcome.status);
    body.reason = outcome.and_then(|outcome| outcome.reason);
    done.told = outcome.and_then(|outcome| outcome.ended_at);
    done.respond(&body)
}

pub(crate) fn credit_sent(
    account_id: AccountId,
    fact: CreditSent,
    position: Place,
) -> CreditSentBody {
    let CreditSent { transfer_id, to, unit, points, lots, occurred_at } = fact;
    let (lots, status, reason) = (lot_parts(lots), None, None);
    CreditSentBody {
        account_id,
        transfer_id,
        to,
        unit,
        points,
        lots,
        occurred_at,
        status,
        reason,
        position,
    }
}

//! `PUT /v1/accounts/{account_id}/adjustments/{adjustment_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::{AdjustCredit, Direction};
use domain::{
    AccountId, Actor, CauseId, Command, Event, Note, Points, Reason, Reference, Timestamp,
};
use serde::Deserialize;
use wire::{Caller, JsonBody, PathIds, Problem};

use crate::CommandApi;
use crate::execute::unexpected;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdjustCreditBody {
    direction: Direction,
    points: Points,
    expires_at: Option<Timestamp>,
    reference: Reference,
    reason: Reason,
    by: Option<Actor>,
    occurred_at: Option<Timestamp>,
}

pub(crate) async fn adjust_credit(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, adjustment_id): PathIds<AccountId, CauseId>,
    JsonBody(body): JsonBody<AdjustCreditBody>,
) -> Result<Response, Problem> {
    if body.direction == Direction::Take && body.expires_at.is_some() {
        let complaint = "is for credit that is added; leave it out";
        return Err(Problem::invalid_field("expires_at", complaint));
    }
    let command = Command::AdjustCredit(AdjustCredit {
        account_id,
        adjustment_id,
        direction: body.direction,
        points: body.points,
        expires_at: body.expires_at,
        reference: body.reference,
        note: Note { by: body.by, reason: Some(body.reason) },
        occurred_at: body.occurred_at,
    });
    let done = api.execute(command, caller).await?;
    match &done.event {
        Some(Event::CreditEarned(account_id, fact)) => done.respond_fact(account_id, fact),
        Some(Event::CreditWithdrawn(account_id, fact)) => done.respond_fact(account_id, fact),
        _ => Err(unexpected()),
    }
}

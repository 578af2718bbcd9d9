//! `POST /v1/accounts/{account_id}/credits`

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::command::EarnCredit;
use domain::{AccountId, Cause, CauseKind, Command, Event, Points, Timestamp};
use serde::{Deserialize, Serialize};
use wire::{Caller, JsonBody, Object, PathId, Problem, Role};

use crate::CommandApi;
use crate::execute::{Done, unexpected};
use crate::lifetime::check_lifetime;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EarnCreditBody {
    points: Points,
    cause: Object<Cause>,
    available_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    occurred_at: Option<Timestamp>,
}

/// Credit as both routes answer it.
#[derive(Serialize)]
pub(crate) struct CreditBody<'a> {
    account_id: &'a AccountId,
    points: Points,
    #[serde(skip_serializing_if = "Option::is_none")]
    available_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    position: String,
}

pub(crate) async fn earn_credit(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(account_id): PathId<AccountId>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<EarnCreditBody>,
) -> Result<Response, Problem> {
    check_may_earn(caller, &body.cause.0)?;
    check_lifetime(body.available_at, body.expires_at)?;
    let command = Command::EarnCredit(EarnCredit {
        account_id,
        points: body.points,
        cause: body.cause.0,
        available_at: body.available_at,
        expires_at: body.expires_at,
        occurred_at: body.occurred_at,
    });
    let done = api.execute(command, caller, &headers).await?;
    done.respond(&CreditBody::of(&done)?)
}

/// Adjustments are an operator's, to be made and to be taken back.
pub(crate) fn check_may_earn(caller: Caller, cause: &Cause) -> Result<(), Problem> {
    if cause.kind == CauseKind::Adjustment && caller.role != Role::Operator {
        return Err(Problem::forbidden(caller.role, &[Role::Operator]));
    }
    Ok(())
}

impl<'a> CreditBody<'a> {
    pub(crate) fn of(done: &'a Done) -> Result<Self, Problem> {
        let Some(Event::CreditEarned(account_id, fact)) = &done.event else {
            return Err(unexpected());
        };
        Ok(Self {
            account_id,
            points: fact.points,
            available_at: fact.available_at,
            expires_at: fact.expires_at,
            position: done.place.to_string(),
        })
    }
}

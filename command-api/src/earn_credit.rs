//! `POST /v1/accounts/{account_id}/credits`

use axum::extract::State;
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
    pub(crate) points: Points,
    pub(crate) cause: Object<Cause>,
    pub(crate) available_at: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) occurred_at: Option<Timestamp>,
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
    JsonBody(body): JsonBody<EarnCreditBody>,
) -> Result<Response, Problem> {
    let done = body.execute(&api, account_id, caller).await?;
    done.respond(&CreditBody::of(&done)?)
}

/// Adjustments are an operator's, to be made and to be taken back.
pub(crate) fn check_may_earn(role: Role, cause: &Cause) -> Result<(), Problem> {
    if cause.kind == CauseKind::Adjustment && role != Role::Operator {
        return Err(Problem::forbidden(role, &[Role::Operator]));
    }
    Ok(())
}

impl EarnCreditBody {
    pub(crate) async fn execute(
        self,
        api: &CommandApi,
        account_id: AccountId,
        caller: Caller,
    ) -> Result<Done, Problem> {
        let Self { points, cause: Object(cause), available_at, expires_at, occurred_at } = self;
        check_may_earn(caller.role, &cause)?;
        check_lifetime(available_at, expires_at)?;
        let earn = EarnCredit { account_id, points, cause, available_at, expires_at, occurred_at };
        api.execute(Command::EarnCredit(earn), caller).await
    }
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

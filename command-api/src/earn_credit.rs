//! `POST /v1/accounts/{account_id}/credits`

use axum::extract::State;
use axum::response::Response;
use domain::command::{ClaimCredit, EarnCredit};
use domain::{
    AccountId, Cause, CauseKind, Claim, Command, CreditEarned, Event, Points, RuleVersion,
};
use wire::body::{
    AskedCauseBody, CauseBody, ClaimBody, CreditBody, EarnCreditBody, RuleVersionBody,
};
use wire::{Caller, JsonBody, Object, PathId, Problem, Role};

use crate::CommandApi;
use crate::execute::{Done, unexpected};
use crate::lifetime::check_lifetime;
use crate::refusal_problem::adjustment_forbidden;

pub(crate) async fn earn_credit(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(account_id): PathId<AccountId>,
    JsonBody(body): JsonBody<EarnCreditBody>,
) -> Result<Response, Problem> {
    let (done, body) = earn(&api, caller, account_id, body).await?;
    done.respond(&body)
}

/// Adjustments are an operator's, to be made and to be taken back.
pub(crate) fn check_may_earn(role: Role, cause: &Cause) -> Result<(), Problem> {
    if cause.kind == CauseKind::Adjustment && role != Role::Operator {
        return Err(adjustment_forbidden());
    }
    Ok(())
}

/// Refuses credit without points that is no claim.
pub(crate) fn check_points(
    points: Option<Points>,
    kind: CauseKind,
    field: &str,
) -> Result<(), Problem> {
    if points.is_none() && kind != CauseKind::Purchase {
        let complaint = "is missing: only a claim of a purchase's refused credit, whose cause is \
                         of the kind purchase, leaves it out";
        return Err(Problem::invalid_field(field, complaint));
    }
    Ok(())
}

/// Earns or claims, alone or as one of many: the outcome, and the credit as both routes answer it.
pub(crate) async fn earn(
    api: &CommandApi,
    caller: Caller,
    account_id: AccountId,
    body: EarnCreditBody,
) -> Result<(Done, CreditBody), Problem> {
    let EarnCreditBody { unit, points, cause: of, available_at, expires_at, occurred_at } = body;
    let Object(of) = of;
    let cause = cause(of);
    check_may_earn(caller.role, &cause)?;
    check_points(points, cause.kind, "points")?;
    check_lifetime(available_at, expires_at)?;
    let unit = unit.unwrap_or_default();
    let command = match points {
        Some(points) => Command::EarnCredit(EarnCredit {
            account_id,
            unit,
            points,
            cause,
            available_at,
            expires_at,
            occurred_at,
        }),
        None => Command::ClaimCredit(ClaimCredit {
            account_id,
            purchase_id: cause.id.into(),
            unit,
            available_at,
            expires_at,
            occurred_at,
            original: None,
        }),
    };
    let mut done = api.execute(command, caller).await?;
    let Some(Event::CreditEarned(account_id, fact)) = done.event.take() else {
        return Err(unexpected());
    };
    let CreditEarned { unit, points, available_at, expires_at, .. } = fact;
    let position = done.place;
    Ok((done, CreditBody { account_id, unit, points, available_at, expires_at, position }))
}

pub(crate) fn cause(body: AskedCauseBody) -> Cause {
    let AskedCauseBody { kind, id } = body;
    Cause { kind: kind.into(), id }
}

pub(crate) fn cause_body(cause: Cause) -> CauseBody {
    let Cause { kind, id } = cause;
    CauseBody { kind, id }
}

pub(crate) fn claim_body(claim: Claim) -> ClaimBody {
    let Claim { asked_available_at, asked_expires_at } = claim;
    ClaimBody { asked_available_at, asked_expires_at }
}

pub(crate) fn rule_version_body(rule: RuleVersion) -> RuleVersionBody {
    let RuleVersion { rule_id, version } = rule;
    RuleVersionBody { rule_id, version }
}

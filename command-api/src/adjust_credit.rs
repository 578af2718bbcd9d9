//! `PUT /v1/accounts/{account_id}/adjustments/{adjustment_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::{AdjustCredit, Direction};
use domain::{AccountId, CauseId, Command, CreditEarned, Note};
use log_record::Place;
use wire::body::{AdjustCreditBody, CapPeriodBody, CreditEarnedBody, DirectionBody};
use wire::{Caller, JsonBody, PathIds, Problem};

use crate::CommandApi;
use crate::earn_credit::{cause_body, claim_body, rule_version_body};
use crate::execute::respond_fact;
use crate::withdraw_credit::credit_withdrawn;

pub(crate) async fn adjust_credit(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, adjustment_id): PathIds<AccountId, CauseId>,
    JsonBody(body): JsonBody<AdjustCreditBody>,
) -> Result<Response, Problem> {
    let AdjustCreditBody {
        direction,
        unit,
        points,
        expires_at,
        reference,
        reason,
        by,
        occurred_at,
    } = body;
    let direction = match direction {
        DirectionBody::Add => Direction::Add,
        DirectionBody::Take => Direction::Take,
    };
    if direction == Direction::Take && expires_at.is_some() {
        let complaint = "is for added credit only; leave it out";
        return Err(Problem::invalid_field("expires_at", complaint));
    }
    let command = Command::AdjustCredit(AdjustCredit {
        account_id,
        adjustment_id,
        direction,
        unit: unit.unwrap_or_default(),
        points,
        expires_at,
        reference,
        note: Note { by, reason: Some(reason) },
        occurred_at,
    });
    let done = api.execute(command, caller).await?;
    respond_fact!(done, CreditEarned => credit_earned, CreditWithdrawn => credit_withdrawn)
}

pub(crate) fn credit_earned(
    account_id: AccountId,
    fact: CreditEarned,
    position: Place,
) -> CreditEarnedBody {
    let CreditEarned {
        unit,
        points,
        cause,
        available_at,
        expires_at,
        rule,
        cap_period,
        counted_on,
        claim,
        reference,
        occurred_at,
        note: _private,
    } = fact;
    CreditEarnedBody {
        account_id,
        unit,
        points,
        cause: cause_body(cause),
        available_at,
        expires_at,
        rule: rule.map(rule_version_body),
        cap_period: cap_period.map(CapPeriodBody::from),
        counted_on,
        claim: claim.map(claim_body),
        reference,
        occurred_at,
        position,
    }
}

//! `POST /v1/credits`: many earnings in one call, each with its own outcome.

use axum::extract::State;
use axum::response::Response;
use log_record::Place;
use wire::body::{
    CreditOutcomeBody, EarnCreditBody, EarnCreditItemBody, EarnCreditsBody, EarnedCreditsBody,
};
use wire::{Caller, JsonBody, Object, Problem};

use crate::CommandApi;
use crate::earn_credit::{check_points, earn};
use crate::many::respond_all;

/// The most earnings in a call.
const CREDITS_MAX: usize = 1_000;

/// A thousand of the longest fit.
pub(crate) const CREDITS_BYTES_MAX: usize = 512 * 1024;

pub(crate) async fn earn_credits(
    State(api): State<CommandApi>,
    caller: Caller,
    JsonBody(body): JsonBody<EarnCreditsBody, CREDITS_BYTES_MAX>,
) -> Result<Response, Problem> {
    if body.credits.is_empty() || body.credits.len() > CREDITS_MAX {
        let complaint = format!("must be a list of 1 to {CREDITS_MAX} earnings");
        return Err(Problem::invalid_field("credits", complaint));
    }
    for (index, Object(item)) in body.credits.iter().enumerate() {
        check_points(item.points, item.cause.0.kind.into(), &format!("credits[{index}].points"))?;
    }
    let earnings = body
        .credits
        .into_iter()
        .map(|Object(item)| earn_item(&api, caller.for_one_of_many(), item));
    respond_all(earnings, |items| EarnedCreditsBody { items }).await
}

/// One earning's outcome, and the place of its last event.
async fn earn_item(
    api: &CommandApi,
    caller: Caller,
    item: EarnCreditItemBody,
) -> (CreditOutcomeBody, Option<Place>) {
    let EarnCreditItemBody {
        account_id,
        unit,
        points,
        cause,
        available_at,
        expires_at,
        occurred_at,
    } = item;
    let body = EarnCreditBody { unit, points, cause, available_at, expires_at, occurred_at };
    match earn(api, caller, account_id, body).await {
        Ok((done, credit)) => {
            let status = done.status().as_u16();
            (CreditOutcomeBody { status, credit: Some(credit), problem: None }, Some(done.last))
        }
        Err(problem) => {
            let status = problem.status().as_u16();
            (CreditOutcomeBody { status, credit: None, problem: Some(problem) }, None)
        }
    }
}

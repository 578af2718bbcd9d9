//! `POST /v1/credits`: many earnings in one call, each with its own outcome.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::{AccountId, Cause, Points, Timestamp};
use futures_util::future::join_all;
use log_record::Place;
use serde::Deserialize;
use serde_json::{Value, json};
use wire::{Caller, JsonBody, Object, Problem, write_position};

use crate::CommandApi;
use crate::earn_credit::{CreditBody, EarnCreditBody};

/// The most earnings in a call.
const CREDITS_MAX: usize = 1_000;

/// A thousand of the longest fit.
pub(crate) const CREDITS_BYTES_MAX: usize = 512 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EarnCreditsBody {
    credits: Vec<Object<CreditItem>>,
}

/// What the call for one account has, with the account; written out, for a flattened struct can't
/// refuse unknown fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreditItem {
    account_id: AccountId,
    points: Points,
    cause: Object<Cause>,
    available_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    occurred_at: Option<Timestamp>,
}

pub(crate) async fn earn_credits(
    State(api): State<CommandApi>,
    caller: Caller,
    JsonBody(body): JsonBody<EarnCreditsBody, CREDITS_BYTES_MAX>,
) -> Result<Response, Problem> {
    if body.credits.is_empty() || body.credits.len() > CREDITS_MAX {
        let complaint = format!("must be a list of 1 to {CREDITS_MAX} earnings");
        return Err(Problem::invalid_field("credits", complaint));
    }
    // Side by side, so that they share batches. Each is handed to the writer when it is first
    // polled, which happens in their order, and so that is the order in which they are decided.
    let earnings = body.credits.into_iter().map(|Object(item)| earn(&api, item, caller.clone()));
    let outcomes = join_all(earnings).await;
    let (mut items, mut reached) = (Vec::with_capacity(outcomes.len()), None::<Place>);
    for outcome in outcomes {
        items.push(match outcome {
            Ok((last, body)) => {
                reached = reached.max(Some(last));
                body
            }
            Err(problem) => json!({"status": problem.status().as_u16(), "problem": problem}),
        });
    }
    let mut response = (StatusCode::OK, Json(json!({"items": items}))).into_response();
    if let Some(place) = reached {
        let (name, value) = write_position(place)?;
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

async fn earn(
    api: &CommandApi,
    item: CreditItem,
    caller: Caller,
) -> Result<(Place, Value), Problem> {
    let CreditItem { account_id, points, cause, available_at, expires_at, occurred_at } = item;
    let body = EarnCreditBody { points, cause, available_at, expires_at, occurred_at };
    let done = body.execute(api, account_id, caller).await?;
    let status = if done.is_repeat { 200 } else { 201 };
    Ok((done.last, json!({"status": status, "credit": CreditBody::of(&done)?})))
}

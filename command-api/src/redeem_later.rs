//! A redemption with `Prefer: respond-async`, and `GET …/exchanges/{exchange_id}/attempt`, which
//! says what it came to.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::command::Redeem;
use domain::{AccountId, ExchangeId};
use futures_util::future::poll_immediate;
use wire::{Caller, PathIds, Problem, Role, json_response};

use crate::CommandApi;
use crate::attempts::{Attempt, Begun, Decided};
use crate::redeem::{create, exchange};

/// The longest time for which a status waits to be decided: no command takes longer.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Has the redemption decided, and answers as soon as it is; or after the time that the caller
/// waits, that it is pending. What isn't even queued is answered at once, and no attempt.
pub(crate) async fn redeem_later(
    api: &CommandApi,
    redeem: Redeem,
    mut caller: Caller,
) -> Result<Response, Problem> {
    let wait = caller.wait.take();
    let attempt = match api.attempts.begin(&redeem) {
        Begun::Before(attempt) => attempt,
        // A preference needn't be followed.
        Begun::Nothing => {
            caller.wait = wait;
            return exchange(api, redeem, caller).await;
        }
        Begun::New(pending) => {
            let own = api.clone();
            let mut creating = Box::pin(async move { create(&own, redeem, caller).await });
            if let Some(outcome) = poll_immediate(&mut creating).await {
                return answer(api, &pending.decide_at_once(outcome)).await;
            }
            let attempt = pending.attempt();
            tokio::spawn(async move { pending.decide(creating.await) });
            attempt
        }
    };
    let patience = wait.unwrap_or_default();
    if patience.is_zero() {
        return accepted(&attempt);
    }
    match attempt.decided(patience.min(WAIT_MAX)).await {
        None => accepted(&attempt),
        Some(decided) => answer(api, &decided).await,
    }
}

/// What the redemption came to.
async fn answer(api: &CommandApi, decided: &Decided) -> Result<Response, Problem> {
    match &**decided {
        Ok(created) => created.respond(api).await,
        Err(problem) => Err(problem.clone()),
    }
}

/// 202: it is pending.
fn accepted(attempt: &Attempt) -> Result<Response, Problem> {
    const APPLIED: HeaderName = HeaderName::from_static("preference-applied");
    let mut response = json_response(StatusCode::ACCEPTED, &attempt.body(None))?;
    let path = HeaderValue::from_str(&attempt.path()).map_err(|_| Problem::internal())?;
    response.headers_mut().insert(LOCATION, path);
    response.headers_mut().insert(APPLIED, HeaderValue::from_static("respond-async"));
    Ok(response)
}

pub(crate) async fn get_attempt(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, exchange_id): PathIds<AccountId, ExchangeId>,
) -> Result<Response, Problem> {
    let attempt = api.attempts.find(&(account_id, exchange_id)).ok_or_else(|| {
        Problem::not_found(
            "This server remembers no redemption with this id that was sent with Prefer: \
             respond-async. Send the redemption again with the same id: it takes effect once.",
        )
    })?;
    let decided = attempt.decided(caller.wait.unwrap_or_default().min(WAIT_MAX)).await;
    let mut body = attempt.body(decided.as_ref());
    if let Some(Ok(created)) = decided.as_deref()
        && matches!(caller.role, Role::Shopper | Role::Merchant)
    {
        body.exchange = Some(created.with_code(&api).await?);
    }
    Ok(Json(body).into_response())
}

//! `/v1/marks`: an operator marks an account or a request for a time, and every part of the ledger
//! logs it in detail and keeps its traces.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::Timestamp;
use event_store::MarkRow;
use trace::MarkKind;
use wire::body::{MarkBody, MarksBody, SetMarkBody};
use wire::{Caller, JsonBody, PathId, Problem};

use crate::CommandApi;
use crate::execute::failed;
use crate::mark_book::MarkedId;

/// How long a mark lasts, where nothing else is asked for: a quarter of an hour.
const SECONDS_DEFAULT: u32 = 900;

/// A day; what is to be watched for longer is marked again.
const SECONDS_MAX: u32 = 86_400;

pub(crate) async fn list_marks(State(api): State<CommandApi>) -> Result<Response, Problem> {
    let marks = api.marks.list().await.map_err(|error| failed(&error))?;
    let items = marks.into_iter().map(body).collect::<Result<_, _>>()?;
    Ok(Json(MarksBody { items, next: None }).into_response())
}

pub(crate) async fn mark_account(
    state: State<CommandApi>,
    caller: Caller,
    id: PathId<MarkedId>,
    body: JsonBody<SetMarkBody>,
) -> Result<Response, Problem> {
    set(state, caller, MarkKind::Account, id, body).await
}

pub(crate) async fn mark_request(
    state: State<CommandApi>,
    caller: Caller,
    id: PathId<MarkedId>,
    body: JsonBody<SetMarkBody>,
) -> Result<Response, Problem> {
    set(state, caller, MarkKind::Request, id, body).await
}

pub(crate) async fn unmark_account(
    state: State<CommandApi>,
    caller: Caller,
    id: PathId<MarkedId>,
) -> Result<StatusCode, Problem> {
    remove(state, caller, MarkKind::Account, id).await
}

pub(crate) async fn unmark_request(
    state: State<CommandApi>,
    caller: Caller,
    id: PathId<MarkedId>,
) -> Result<StatusCode, Problem> {
    remove(state, caller, MarkKind::Request, id).await
}

async fn set(
    State(api): State<CommandApi>,
    caller: Caller,
    kind: MarkKind,
    PathId(id): PathId<MarkedId>,
    JsonBody(SetMarkBody { seconds }): JsonBody<SetMarkBody>,
) -> Result<Response, Problem> {
    let seconds = seconds.unwrap_or(SECONDS_DEFAULT);
    if !(1..=SECONDS_MAX).contains(&seconds) {
        let complaint = format!("must be a whole number from 1 to {SECONDS_MAX}");
        return Err(Problem::invalid_field("seconds", complaint));
    }
    let (lasts, key) = (Duration::from_secs(seconds.into()), caller.principal.key.as_deref());
    let set = api.marks.set(kind, &id, lasts, key).await;
    let (row, is_news) = set.map_err(|error| failed(&error))?;
    let status = if is_news { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(body(row)?)).into_response())
}

async fn remove(
    State(api): State<CommandApi>,
    caller: Caller,
    kind: MarkKind,
    PathId(id): PathId<MarkedId>,
) -> Result<StatusCode, Problem> {
    let key = caller.principal.key.as_deref();
    api.marks.remove(kind, &id, key).await.map_err(|error| failed(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

fn body(row: MarkRow) -> Result<MarkBody, Problem> {
    let time = |micros| Timestamp::from_micros(micros).map_err(|error| failed(&error));
    let MarkRow { kind, id, key, marked_at, ends_at } = row;
    let (marked_at, ends_at) = (time(marked_at)?, time(ends_at)?);
    Ok(MarkBody { kind, id, key_id: key, marked_at, ends_at })
}

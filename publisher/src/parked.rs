//! What came in and can't be used: `GET /v1/parked-messages`, `POST …/{parked_id}/retry`, `DELETE
//! …/{parked_id}`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use wire::{Page, PathId, Problem, QueryString, page_limit};

use crate::command_api::Answered;
use crate::overdue::{ListQuery, after, time};
use crate::router::{MESSAGE_UNUSABLE, PUBLISHER_AWAY, PublisherApi, failed};
use crate::state::ParkedMessage;

const LIST_NAME: &str = "parked-messages";

#[derive(Serialize)]
pub(crate) struct ParkedBody {
    parked_id: i64,
    topic: String,
    partition: i64,
    offset: i64,
    /// As text; what is none of UTF-8 is shown as U+FFFD, and kept as it came.
    key: Option<String>,
    body: String,
    reason: String,
    parked_at: String,
}

pub(crate) async fn list_parked(
    State(api): State<PublisherApi>,
    QueryString(query): QueryString<ListQuery>,
) -> Result<Json<Page<ParkedBody>>, Problem> {
    let limit = page_limit(query.limit)?;
    let after = after(LIST_NAME, query.cursor.as_deref())?;
    let rows = api.publisher.state.parked(after, i64::from(limit) + 1).await.map_err(failed)?;
    let page = Page::of(rows, limit, LIST_NAME, |row| row.parked_id.to_string());
    let items = page.items.into_iter().map(parked).collect();
    Ok(Json(Page { items, next: page.next }))
}

fn parked(row: ParkedMessage) -> ParkedBody {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    ParkedBody {
        parked_id: row.parked_id,
        topic: row.topic,
        partition: row.topic_partition,
        offset: row.topic_offset,
        key: row.message_key.map(text),
        body: text(row.body),
        reason: row.reason,
        parked_at: time(row.parked_at),
    }
}

/// Tries one again, now; it is forgotten when it could be used.
pub(crate) async fn retry_parked(
    State(api): State<PublisherApi>,
    PathId(parked_id): PathId<i64>,
) -> Result<Json<Value>, Problem> {
    let (state, way_in) = (&api.publisher.state, &api.publisher.config.way_in);
    let found = state.parked(parked_id.saturating_sub(1), 1).await.map_err(failed)?;
    let row = found.into_iter().find(|row| row.parked_id == parked_id).ok_or_else(no_such)?;
    let answered = match way_in.call(&row.topic, &row.body) {
        Ok(call) => way_in.command_api.call(&call, row.traceparent.as_deref()).await,
        Err(why) => Answered::Refused(why),
    };
    match answered {
        Answered::Done => {
            state.discard(parked_id).await.map_err(failed)?;
            Ok(Json(json!({"parked_id": parked_id, "status": "done"})))
        }
        Answered::Refused(why) => {
            state.park_again(parked_id, &why).await.map_err(failed)?;
            Err(Problem::of(&MESSAGE_UNUSABLE, why).fact("parked_id", parked_id))
        }
        Answered::Later(why) => Err(Problem::of(&PUBLISHER_AWAY, why).retry_after(1)),
    }
}

/// Forgets one.
pub(crate) async fn discard_parked(
    State(api): State<PublisherApi>,
    PathId(parked_id): PathId<i64>,
) -> Result<StatusCode, Problem> {
    let was_there = api.publisher.state.discard(parked_id).await.map_err(failed)?;
    if !was_there {
        return Err(no_such());
    }
    tracing::warn!(parked_id, "an operator has discarded a parked message");
    Ok(StatusCode::NO_CONTENT)
}

fn no_such() -> Problem {
    Problem::not_found("There is no such parked message. Read the list of those that there are.")
}

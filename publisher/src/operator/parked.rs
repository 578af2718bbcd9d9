//! Inbound messages that can't be used: `GET /v1/parked-messages`, `POST …/{parked_id}/retry`,
//! `DELETE …/{parked_id}`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use wire::{Page, PathId, Problem, QueryString, page_limit};

use super::api::{PublisherApi, failed};
use super::list::{ListQuery, after};
use super::problems::{MESSAGE_UNUSABLE, PUBLISHER_AWAY};
use crate::inbound::command_api::Answer;
use crate::state::parked::ParkedMessage;

const LIST_NAME: &str = "parked-messages";

#[derive(Serialize)]
pub(super) struct ParkedBody {
    parked_id: i64,
    topic: String,
    partition: i64,
    offset: i64,
    /// As text; bytes that are not UTF-8 show as U+FFFD, and are stored as they came.
    key: Option<String>,
    body: String,
    reason: String,
    parked_at: String,
}

#[derive(Serialize)]
pub(super) struct RetriedBody {
    parked_id: i64,
    /// Always `done`.
    status: &'static str,
}

pub(super) async fn list_parked(
    State(api): State<PublisherApi>,
    QueryString(query): QueryString<ListQuery>,
) -> Result<Json<Page<ParkedBody>>, Problem> {
    let limit = page_limit(query.limit)?;
    let after = after(LIST_NAME, query.cursor.as_deref())?;
    let rows = api.publisher.state.parked(after, i64::from(limit) + 1).await.map_err(failed)?;
    let page = Page::of(rows, limit, LIST_NAME, |row| row.parked_id.to_string());
    let items = page.items.into_iter().map(body).collect();
    Ok(Json(Page { items, next: page.next }))
}

fn body(row: ParkedMessage) -> ParkedBody {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    ParkedBody {
        parked_id: row.parked_id,
        parked_at: row.parked_at().to_timestamp().to_string(),
        topic: row.topic,
        partition: row.topic_partition,
        offset: row.topic_offset,
        key: row.message_key.map(text),
        body: text(row.body),
        reason: row.reason,
    }
}

/// Retries a message now; deletes it if it can be used.
pub(super) async fn retry_parked(
    State(api): State<PublisherApi>,
    PathId(parked_id): PathId<i64>,
) -> Result<Json<RetriedBody>, Problem> {
    let (state, way_in) = (&api.publisher.state, &api.publisher.config.way_in);
    let found = state.parked(parked_id.saturating_sub(1), 1).await.map_err(failed)?;
    let row = found.into_iter().find(|row| row.parked_id == parked_id).ok_or_else(no_such)?;
    let answer = match way_in.call(&row.topic, &row.body) {
        Ok(call) => way_in.command_api.call(&call, row.traceparent.as_deref()).await,
        Err(why) => Answer::Refused(why.to_string()),
    };
    match answer {
        Answer::Done => {
            state.discard(parked_id).await.map_err(failed)?;
            Ok(Json(RetriedBody { parked_id, status: "done" }))
        }
        Answer::Refused(why) => {
            state.park_again(parked_id, &why).await.map_err(failed)?;
            Err(Problem::of(&MESSAGE_UNUSABLE, why).fact("parked_id", parked_id))
        }
        Answer::Later(why) => Err(Problem::of(&PUBLISHER_AWAY, why.to_string()).retry_after(1)),
    }
}

/// Deletes a message.
pub(super) async fn discard_parked(
    State(api): State<PublisherApi>,
    PathId(parked_id): PathId<i64>,
) -> Result<StatusCode, Problem> {
    if !api.publisher.state.discard(parked_id).await.map_err(failed)? {
        return Err(no_such());
    }
    tracing::warn!(parked_id, "an operator discarded a parked message");
    Ok(StatusCode::NO_CONTENT)
}

fn no_such() -> Problem {
    Problem::not_found("There is no such parked message. Read the list of parked messages.")
}

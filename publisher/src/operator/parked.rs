//! Inbound messages that can't be used: `GET /v1/parked-messages`, `GET …/{parked_id}`,
//! `POST …/{parked_id}/retry`, `DELETE …/{parked_id}`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use wire::{Page, PathId, Problem, QueryString, excerpt, page_limit};

use super::api::{PublisherApi, failed};
use super::list::{ListQuery, after};
use super::problems::{MESSAGE_UNUSABLE, PUBLISHER_AWAY};
use crate::inbound::call::Unreadable;
use crate::inbound::command_api::{Answer, NoAnswer, Refused};
use crate::state::parked::ParkedMessage;

const LIST_NAME: &str = "parked-messages";

/// The most bytes of a page's items: a list is for reading, and 500 messages of a stranger's may
/// be large.
const PAGE_BYTES_MAX: usize = 256 * 1024;

#[derive(Serialize)]
pub(super) struct ParkedBody {
    parked_id: i64,
    topic: String,
    partition: i64,
    offset: i64,
    /// As text; bytes that are not UTF-8 show as U+FFFD, and are stored as they came.
    key: Option<String>,
    body: String,
    /// The length of the whole body.
    body_bytes: i64,
    code: String,
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
    let items: Vec<ParkedBody> = rows.into_iter().map(beginning).collect();
    let limit = limit.min(fitting(&items));
    Ok(Json(Page::of(items, limit, LIST_NAME, |item| item.parked_id.to_string())))
}

/// How many of these fit on a page; one does in any case.
fn fitting(items: &[ParkedBody]) -> u32 {
    let mut bytes = 0;
    let fits = |item: &&ParkedBody| {
        bytes += serde_json::to_vec(item).map_or(0, |written| written.len());
        bytes <= PAGE_BYTES_MAX
    };
    u32::try_from(items.iter().take_while(fits).count().max(1)).unwrap_or(u32::MAX)
}

/// As a list shows it.
fn beginning(row: ParkedMessage) -> ParkedBody {
    let whole = body(row);
    ParkedBody { key: whole.key.as_deref().map(excerpt), ..whole }
}

/// One message, whole.
pub(super) async fn get_parked(
    State(api): State<PublisherApi>,
    PathId(parked_id): PathId<i64>,
) -> Result<Json<ParkedBody>, Problem> {
    let found = api.publisher.state.parked_message(parked_id).await.map_err(failed)?;
    found.map(|row| Json(body(row))).ok_or_else(no_such)
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
        body_bytes: row.body_bytes,
        code: row.code,
        reason: row.reason,
    }
}

/// Retries a message now; deletes it if it can be used.
pub(super) async fn retry_parked(
    State(api): State<PublisherApi>,
    PathId(parked_id): PathId<i64>,
) -> Result<Json<RetriedBody>, Problem> {
    let (state, way_in) = (&api.publisher.state, &api.publisher.config.way_in);
    let found = state.parked_message(parked_id).await.map_err(failed)?;
    let row = found.ok_or_else(no_such)?;
    let answer = match way_in.call(&row.topic, &row.body) {
        Ok(call) => way_in.command_api.call(&call, row.traceparent.as_deref()).await,
        Err(why) => {
            Answer::Refused(Refused { code: Unreadable::CODE.into(), why: why.to_string() })
        }
    };
    match answer {
        Answer::Done => {
            state.discard(parked_id).await.map_err(failed)?;
            Ok(Json(RetriedBody { parked_id, status: "done" }))
        }
        Answer::Refused(Refused { code, why }) | Answer::Failed(Refused { code, why }) => {
            state.park_again(parked_id, &code, &why).await.map_err(failed)?;
            Err(Problem::of(&MESSAGE_UNUSABLE, why).fact("parked_id", parked_id))
        }
        Answer::Later(NoAnswer::Detail(why)) => {
            Err(Problem::of(&PUBLISHER_AWAY, why).retry_after(1))
        }
        Answer::Later(why) => {
            tracing::warn!(%why, parked_id, "a parked message can't be retried now");
            let detail = "The command API doesn't take the message now; the server's log says why. \
                          Retry it in a second.";
            Err(Problem::of(&PUBLISHER_AWAY, detail).retry_after(1))
        }
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

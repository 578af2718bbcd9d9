//! Requests that no warehouse accepts, and sending one again: `GET /v1/overdue-shipping-requests`,
//! `POST /v1/shipping-requests/{shipping_request_id}/resend`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wire::{Page, PathId, Problem, QueryString, page_limit, read_cursor};

use crate::ends::FeedName;
use crate::message::Message;
use crate::router::{PublisherApi, failed};
use crate::state::Unaccepted;
use crate::stream::{Stream, key, place};
use crate::{PublishError, clock};

const LIST_NAME: &str = "overdue-shipping-requests";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    pub(crate) limit: Option<u32>,
    pub(crate) cursor: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct OverdueBody {
    shipping_request_id: String,
    account_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_id: Option<String>,
    warehouse: String,
    /// What has become of it: it stays here until it is due again.
    status: &'static str,
    /// How often it was sent.
    attempts: i64,
    next_attempt_at: String,
    position: String,
}

pub(crate) async fn list_overdue(
    State(api): State<PublisherApi>,
    QueryString(query): QueryString<ListQuery>,
) -> Result<Json<Page<OverdueBody>>, Problem> {
    let limit = page_limit(query.limit)?;
    let after = after(LIST_NAME, query.cursor.as_deref())?;
    let rows = api.publisher.state.overdue(after, i64::from(limit) + 1).await.map_err(failed)?;
    let page = Page::of(rows, limit, LIST_NAME, |row| row.place.to_string());
    let mut items = vec![];
    for row in page.items {
        items.extend(overdue(&api.publisher.stream, row).await.map_err(failed)?);
    }
    Ok(Json(Page { items, next: page.next }))
}

/// Nothing of a request that the read model doesn't have, or not yet.
async fn overdue(stream: &Stream, row: Unaccepted) -> Result<Option<OverdueBody>, PublishError> {
    let mut reading = stream.read(&[]).await?;
    let Some(message) = reading.shipping_message(place(row.place)).await? else { return Ok(None) };
    let progress = reading.find_shipping_progress(&row.shipping_request_id).await?;
    let (message, Some(progress)) = (Message::from(message), progress) else { return Ok(None) };
    let asked = message.asked();
    Ok(Some(OverdueBody {
        shipping_request_id: row.shipping_request_id,
        account_id: asked.account_id.clone(),
        exchange_id: asked.exchange_id.clone(),
        purchase_id: asked.purchase_id.clone(),
        warehouse: asked.warehouse.clone(),
        status: progress.status.as_str(),
        attempts: row.attempts,
        next_attempt_at: time(row.due_at),
        position: place(row.place).to_string(),
    }))
}

/// The number that a list goes on after.
pub(crate) fn after(list: &str, cursor: Option<&str>) -> Result<i64, Problem> {
    let Some(cursor) = read_cursor(list, cursor)? else { return Ok(0) };
    let complaint = "must be a cursor that this list gave, unchanged";
    cursor.parse().map_err(|_| Problem::invalid_query("cursor", complaint))
}

/// Milliseconds as a text in RFC 3339.
pub(crate) fn time(millis: i64) -> String {
    let time = Timestamp::from_micros(millis.max(0).saturating_mul(1_000));
    time.unwrap_or(Timestamp::LAST).to_string()
}

/// Sends a request once more, whatever has become of it: the warehouse says that it has lost it.
pub(crate) async fn resend(
    State(api): State<PublisherApi>,
    PathId(id): PathId<String>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let unknown = || Problem::not_found("There is no such shipping request. Check its id.");
    let publisher = &api.publisher;
    let progress = publisher.stream.progress_of(&id).await.map_err(failed)?.ok_or_else(unknown)?;
    let at = key(progress.place);
    let message = publisher.stream.message_at(at).await.map_err(failed)?.ok_or_else(unknown)?;
    let feed: FeedName = message.lane.parse().map_err(|()| unknown())?;
    let row = Unaccepted {
        place: at,
        shipping_request_id: id.clone(),
        feed: feed.to_string(),
        attempts: 1,
        due_at: clock::now(),
        is_overdue: 0,
        is_asked_for: 1,
    };
    publisher.state.ask_for(&row).await.map_err(failed)?;
    publisher.resend_asked.notify_waiters();
    let is = progress.status.as_str();
    let answer = json!({"shipping_request_id": id, "status": "due", "request_status": is});
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

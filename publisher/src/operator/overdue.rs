//! `GET /v1/overdue-shipping-requests`: requests that no warehouse accepts.

use axum::Json;
use axum::extract::State;
use log_record::PackedPlace;
use serde::Serialize;
use wire::{Page, Problem, QueryString, page_limit};

use super::api::{PublisherApi, failed};
use super::list::{ListQuery, after};
use crate::error::PublishError;
use crate::outbound::stream::Stream;
use crate::state::unaccepted::Unaccepted;

const LIST_NAME: &str = "overdue-shipping-requests";

#[derive(Serialize)]
pub(super) struct OverdueBody {
    shipping_request_id: String,
    account_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_id: Option<String>,
    warehouse: String,
    /// The request's present status. A request that was accepted meanwhile stays in the list until
    /// its next attempt is due.
    status: &'static str,
    /// How often the request was sent.
    attempts: i64,
    next_attempt_at: String,
    position: String,
}

pub(super) async fn list_overdue(
    State(api): State<PublisherApi>,
    QueryString(query): QueryString<ListQuery>,
) -> Result<Json<Page<OverdueBody>>, Problem> {
    let limit = page_limit(query.limit)?;
    let after = PackedPlace::from_i64(after(LIST_NAME, query.cursor.as_deref())?);
    let rows = api.publisher.state.overdue(after, i64::from(limit) + 1).await.map_err(failed)?;
    let page = Page::of(rows, limit, LIST_NAME, |row| row.place.as_i64().to_string());
    let mut items = vec![];
    for row in page.items {
        items.extend(body(&api.publisher.stream, row).await.map_err(failed)?);
    }
    Ok(Json(Page { items, next: page.next }))
}

/// `None` if the read model doesn't have the request, or not yet.
async fn body(stream: &Stream, row: Unaccepted) -> Result<Option<OverdueBody>, PublishError> {
    let Some(message) = stream.message_if_there(row.place).await? else { return Ok(None) };
    let Some(progress) = stream.progress_of(&row.shipping_request_id).await? else {
        return Ok(None);
    };
    let message = message.content;
    Ok(Some(OverdueBody {
        shipping_request_id: row.shipping_request_id,
        account_id: message.account_id,
        exchange_id: message.exchange_id,
        purchase_id: message.purchase_id,
        warehouse: message.warehouse,
        status: progress.status.as_str(),
        attempts: row.attempts,
        next_attempt_at: row.due_at.to_timestamp().to_string(),
        position: row.place.to_string(),
    }))
}

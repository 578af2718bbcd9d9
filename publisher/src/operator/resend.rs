//! `POST /v1/shipping-requests/{shipping_request_id}/resend`: sends a request once more, whatever
//! its status is, because its warehouse has lost it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use wire::{PathId, Problem};

use super::api::{PublisherApi, failed};
use crate::clock::UnixMillis;
use crate::state::unaccepted::Unaccepted;

#[derive(Serialize)]
pub(super) struct ResendBody {
    shipping_request_id: String,
    /// Always `due`.
    status: &'static str,
    /// The request's present status.
    request_status: &'static str,
}

pub(super) async fn resend(
    State(api): State<PublisherApi>,
    PathId(id): PathId<String>,
) -> Result<(StatusCode, Json<ResendBody>), Problem> {
    let unknown = || Problem::not_found("There is no such shipping request. Check its id.");
    let publisher = &api.publisher;
    let progress = publisher.stream.progress_of(&id).await.map_err(failed)?.ok_or_else(unknown)?;
    let place = progress.place.into();
    let message = publisher.stream.message_at(place).await.map_err(failed)?.ok_or_else(unknown)?;
    let row = Unaccepted {
        place,
        shipping_request_id: id.clone(),
        feed: message.lane.feed,
        attempts: 1,
        due_at: UnixMillis::now(),
        is_overdue: false,
        is_asked_for: true,
    };
    publisher.state.ask_for(&row).await.map_err(failed)?;
    publisher.resend_asked.notify_waiters();
    let request_status = progress.status.as_str();
    let body = ResendBody { shipping_request_id: id, status: "due", request_status };
    Ok((StatusCode::ACCEPTED, Json(body)))
}

//! Many commands of one call, each with its own outcome.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::future::join_all;
use log_record::Place;
use serde::Serialize;
use wire::{Problem, write_positions};

/// The answer to all of them, in their order, with the last places that they reached. Each command
/// comes with its outcome and the place of its last event.
pub(crate) async fn respond_all<T, B: Serialize>(
    commands: impl Iterator<Item = impl Future<Output = (T, Option<Place>)>>,
    body: impl FnOnce(Vec<T>) -> B,
) -> Result<Response, Problem> {
    let (mut items, mut reached) = (Vec::new(), Vec::<Place>::new());
    // Side by side, so that they share batches. Each is handed to the writer when it is first
    // polled, which happens in their order, and so that is the order in which they are decided;
    // but a claim is decided once its purchase was read from the log.
    for (item, last) in join_all(commands).await {
        items.push(item);
        reached.extend(last);
    }
    let mut response = (StatusCode::OK, Json(body(items))).into_response();
    if let Some((name, value)) = write_positions(reached)? {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

//! Answers written in one go: their bytes, and room for all of their headers.

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;

use crate::Problem;

/// Room for the headers of an answer: its own, and those that all answers bear. They would be moved
/// twice as they come.
const HEADERS: usize = 12;

/// Room for most answers about one thing.
const BODY_BYTES: usize = 384;

/// `value` as JSON.
pub fn json_response(status: StatusCode, value: &impl Serialize) -> Result<Response, Problem> {
    Ok(written_json_response(status, to_json(value)?))
}

/// JSON that is written already.
pub fn written_json_response(status: StatusCode, json: impl Into<Bytes>) -> Response {
    response(status, HeaderValue::from_static("application/json"), json)
}

/// An answer of this type.
pub(crate) fn response(
    status: StatusCode,
    content_type: HeaderValue,
    body: impl Into<Bytes>,
) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    *response.headers_mut() = HeaderMap::with_capacity(HEADERS);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

pub(crate) fn to_json(value: &impl Serialize) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::with_capacity(BODY_BYTES);
    serde_json::to_writer(&mut body, value).map_err(|error| {
        tracing::error!(%error, "an answer could not be written as JSON");
        Problem::internal()
    })?;
    Ok(body)
}

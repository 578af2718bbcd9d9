//! Refuses what a call would not heed, where it could change what the caller means: whoever sends
//! `?dry_run=true` to a call that has none must not find that it was done.

use axum::extract::{FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use wire::Problem;

/// For calls that take no query.
pub(crate) async fn refuse_query(request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    match query.split(['=', '&']).find(|name| !name.is_empty()) {
        None => next.run(request).await,
        Some(name) => {
            Problem::invalid_query(name, "isn't known here; this call takes no parameters")
                .into_response()
        }
    }
}

/// For calls that go by no version.
pub(crate) async fn refuse_if_match(request: Request, next: Next) -> Response {
    match check_no_if_match(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// For a call that goes by no version and has no layer to see to that.
pub(crate) struct NoIfMatch;

impl<S: Sync> FromRequestParts<S> for NoIfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        check_no_if_match(&parts.headers).map(|()| Self)
    }
}

fn check_no_if_match(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(IF_MATCH) {
        return Err(Problem::invalid_header("If-Match", "isn't heeded by this call; leave it out"));
    }
    Ok(())
}

//! CORS: which web pages may call the ledger from a browser, and what they may send and read.
//!
//! A key travels in a header of its own, which a page must set itself, and never in a cookie; so
//! browsers are never told to send credentials along.

use std::time::Duration;

use axum::http::header::{
    ACCEPT, AGE, ALLOW, AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION,
    RETRY_AFTER,
};
use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser remembers what a page may do, and doesn't ask again.
const REMEMBERED: Duration = Duration::from_secs(600);

/// The headers beside the standard ones that a call or its answer has.
const OWN: [HeaderName; 10] = [
    HeaderName::from_static("guerdon-position"),
    HeaderName::from_static("guerdon-reason"),
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("idempotency-replayed"),
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("x-request-id"),
];

/// How an answer that is read from memory alone says so.
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// What answers browsers that ask on behalf of a page. Pages of other origins are told nothing, and
/// then the browser refuses them.
pub(super) fn layer(origins: &[HeaderValue]) -> CorsLayer {
    let methods =
        [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::PATCH, Method::DELETE];
    let sent = [ACCEPT, AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH];
    let read = [AGE, ALLOW, CACHE_STATUS, ETAG, LOCATION, RETRY_AFTER];
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_methods(methods)
        .allow_headers(sent.into_iter().chain(OWN).collect::<Vec<_>>())
        .expose_headers(read.into_iter().chain(OWN).collect::<Vec<_>>())
        .max_age(REMEMBERED)
}

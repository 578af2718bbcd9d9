//! Refuses what a call would not heed, where that could change what the caller means: whoever sends
//! `?dry_run=true` to a call that has none must not find that it was done, and who asks for a
//! balance `?at=` a time must not get the present one.
//!
//! Calls that only read may come with any header: nothing comes of it.

use axum::http::header::{CONTENT_ENCODING, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};

use crate::{Problem, excerpt};

/// What a call heeds besides its path and body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heeds {
    pub(crate) query: bool,
    /// `If-Match` and `If-None-Match`.
    pub(crate) versions: bool,
}

impl Heeds {
    /// Checks that the request asks for nothing else.
    pub(crate) fn check(self, parts: &Parts) -> Result<(), Problem> {
        if !self.query {
            check_no_query(parts.uri.query().unwrap_or_default())?;
        }
        if [Method::GET, Method::HEAD].contains(&parts.method) {
            return Ok(());
        }
        if !self.versions {
            check_no_versions(&parts.headers)?;
        }
        check_not_encoded(&parts.headers)
    }
}

fn check_no_query(query: &str) -> Result<(), Problem> {
    match query.split(['=', '&']).find(|name| !name.is_empty()) {
        None => Ok(()),
        Some(name) => {
            let complaint = "isn't known here; this call takes no parameters";
            Err(Problem::invalid_query(&excerpt(name), complaint))
        }
    }
}

fn check_no_versions(headers: &HeaderMap) -> Result<(), Problem> {
    for (header, name) in [(IF_MATCH, "If-Match"), (IF_NONE_MATCH, "If-None-Match")] {
        if headers.contains_key(header) {
            return Err(Problem::invalid_header(name, "isn't heeded by this call; leave it out"));
        }
    }
    Ok(())
}

/// Nothing is decoded, so a body that is compressed isn't what it says to be.
fn check_not_encoded(headers: &HeaderMap) -> Result<(), Problem> {
    let encodings = headers.get_all(CONTENT_ENCODING);
    let is_plain = |value: &[u8]| value.trim_ascii().eq_ignore_ascii_case(b"identity");
    if encodings.iter().all(|value| is_plain(value.as_bytes())) {
        return Ok(());
    }
    Err(Problem::body_encoded())
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::put as route_put;

    use crate::test_request::{Answer, Ask, put};
    use crate::{KeyHash, KeyRing, Role, only};

    async fn ask(ask: Ask) -> Answer {
        let ring = KeyRing::from_iter([(KeyHash::of("otto"), Role::Operator)]);
        let call = || only(&[Role::Operator], async || "done");
        let router = Router::new()
            .route("/plain", route_put(call()).get(call()))
            .route("/dry", route_put(call().with_query()))
            .route("/versioned", route_put(call().with_versions()))
            .with_state(ring);
        ask.send(router).await
    }

    fn with_key(ask: Ask) -> Ask {
        ask.header("authorization", "Bearer otto")
    }

    #[tokio::test]
    async fn what_a_call_does_not_heed_is_refused() {
        let query = ask(with_key(put("/plain?dry_run=true"))).await;
        assert_eq!(query.is_problem(400, "invalid-query")["field"], "dry_run");
        assert_eq!(ask(with_key(put("/dry?dry_run=true"))).await.text(), "done");
        for (header, name) in [("if-match", "If-Match"), ("if-none-match", "If-None-Match")] {
            let refused = ask(with_key(put("/plain")).header(header, "*")).await;
            assert_eq!(refused.is_problem(400, "invalid-header")["header"], name);
            let heeded = ask(with_key(put("/versioned")).header(header, "*")).await;
            assert_eq!(heeded.text(), "done");
        }
        let read = ask(with_key(crate::test_request::get("/plain?at=2020-01-01"))).await;
        assert_eq!(read.is_problem(400, "invalid-query")["field"], "at");
        let long = ask(with_key(put(&format!("/plain?{}=1", "x".repeat(60_000))))).await;
        long.is_problem(400, "invalid-query");
        assert!(long.body.len() < 500, "what is long isn't repeated");
        let read = crate::test_request::get("/plain").header("if-none-match", "*");
        assert_eq!(ask(with_key(read)).await.text(), "done");
    }

    #[tokio::test]
    async fn a_body_that_would_have_to_be_decoded_is_415() {
        for encoding in ["gzip", "br", "identity, gzip", "", "aws-chunked"] {
            let refused = ask(with_key(put("/plain")).header("content-encoding", encoding)).await;
            refused.is_problem(415, "body-encoded");
            assert_eq!(refused.header("accept-encoding"), "identity");
        }
        let plain = with_key(put("/plain")).header("content-encoding", "Identity");
        assert_eq!(ask(plain).await.text(), "done");
    }

    #[tokio::test]
    async fn nothing_is_looked_at_before_the_key() {
        let ask =
            |ask: Ask| self::ask(ask.header("if-match", "x").header("content-encoding", "gzip"));
        ask(put("/plain?dry_run=true")).await.is_problem(401, "unauthorized");
        let unknown = put("/plain?x").header("authorization", "Bearer nobody");
        ask(unknown).await.is_problem(401, "unauthorized");
    }
}

//! An error as both APIs answer it: a problem document (RFC 9457).
//!
//! The problems themselves are elsewhere: those of both APIs in `problem_vocabulary.rs`, the
//! domain's refusals in the command API, which makes them with [`Problem::new`].

use std::borrow::Cow;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::ProblemPage;
use crate::json_response::response;

/// The members that every document has; a fact can't bear one of these names.
const STANDARD_MEMBERS: [&str; 5] = ["type", "title", "status", "detail", "code"];

/// Room for most documents, so that one written in a rush is not moved while it grows.
const DOCUMENT_BYTES: usize = 256;

/// A problem document: `{"type":"/problems/{code}","title","status","detail","code",…facts}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: Cow<'static, str>,
    facts: Vec<(&'static str, Value)>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem with this stable code (a kebab-case slug) and title (the same every time). The
    /// detail is about this one case, in full sentences: what is wrong, where, and what to do.
    pub fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let detail = detail.into();
        Self { status, code, title, detail, facts: Vec::new(), headers: Vec::new() }
    }

    /// The problem that `page` explains, so that its status, code and title are declared once.
    pub fn of(page: &ProblemPage, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(page.status, page.slug, page.title, detail)
    }

    /// Adds a fact for programs to read, such as `needed` or `available`. Facts are written in the
    /// order in which they were added.
    #[must_use]
    pub fn fact(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        debug_assert!(!STANDARD_MEMBERS.contains(&name), "a fact can't be called {name}");
        self.facts.push((name, value.into()));
        self
    }

    /// The seconds after which the client can ask again.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Adds a header that the answer bears besides its type.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The status that it is answered with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code that programs go by.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What is wrong in this one case.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

/// The problem of an answer, in the answer's extensions: for those who count or note answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsweredProblem {
    /// The stable code.
    pub code: &'static str,
    /// What was wrong in this one case; it may repeat what was sent.
    pub detail: Cow<'static, str>,
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = STANDARD_MEMBERS.len() + self.facts.len();
        let mut document = serializer.serialize_map(Some(members))?;
        document.serialize_entry("type", &format_args!("/problems/{}", self.code))?;
        document.serialize_entry("title", self.title)?;
        document.serialize_entry("status", &self.status.as_u16())?;
        document.serialize_entry("detail", &self.detail)?;
        document.serialize_entry("code", self.code)?;
        for (name, value) in &self.facts {
            document.serialize_entry(name, value)?;
        }
        document.end()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Its keys are texts and its values are JSON already, so writing it can't fail.
        let mut document = Vec::with_capacity(DOCUMENT_BYTES);
        drop(serde_json::to_writer(&mut document, &self));
        let document_type = HeaderValue::from_static("application/problem+json");
        let mut response = response(self.status, document_type, document);
        response.headers_mut().extend(self.headers);
        let (code, detail) = (self.code, self.detail);
        response.extensions_mut().insert(AnsweredProblem { code, detail });
        response
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::CONTENT_TYPE;

    use super::*;

    fn sold_out() -> Problem {
        Problem::new(StatusCode::CONFLICT, "sold-out", "Sold out", "Nothing is left of o-1.")
            .fact("offer_id", "o-1")
            .fact("asked", 3)
    }

    #[tokio::test]
    async fn the_document_has_its_standard_members_and_then_its_facts() {
        let response = sold_out().into_response();
        assert_eq!(response.status(), StatusCode::CONFLICT);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
        let expected = concat!(
            r#"{"type":"/problems/sold-out","title":"Sold out","status":409,"#,
            r#""detail":"Nothing is left of o-1.","code":"sold-out","offer_id":"o-1","asked":3}"#,
        );
        assert_eq!(body, expected);
    }

    #[test]
    fn headers_go_with_the_answer() {
        let etag = HeaderValue::from_static("\"3\"");
        let problem = sold_out().retry_after(2).header(axum::http::header::ETAG, etag);
        let response = problem.into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        assert_eq!(response.headers()["etag"], "\"3\"");
    }

    #[test]
    #[should_panic(expected = "a fact can't be called status")]
    fn a_fact_never_hides_a_standard_member() {
        let _ = sold_out().fact("status", "created");
    }
}

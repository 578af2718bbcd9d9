//! Asks a router something in a test, and looks at the answer.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt as _;

/// A request on its way.
pub(crate) struct Ask(axum::http::request::Builder, Vec<u8>);

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn get(uri: &str) -> Ask {
    ask("GET", uri)
}

pub(crate) fn put(uri: &str) -> Ask {
    ask("PUT", uri)
}

pub(crate) fn ask(method: &str, uri: &str) -> Ask {
    Ask(Request::builder().method(method).uri(uri), Vec::new())
}

impl Ask {
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value), self.1)
    }

    pub(crate) fn extension(self, value: impl Clone + Send + Sync + 'static) -> Self {
        Self(self.0.extension(value), self.1)
    }

    pub(crate) fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self(self.0, body.into())
    }

    pub(crate) async fn send(self, router: Router) -> Answer {
        let request = self.0.body(Body::from(self.1)).expect("a request");
        let response = router.oneshot(request).await.expect("answered");
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body").to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        assert_eq!(self.status, StatusCode::OK, "{}", String::from_utf8_lossy(&self.body));
        String::from_utf8(self.body.clone()).expect("UTF-8")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).expect("the header").to_str().expect("text")
    }

    /// Checks that the answer is this problem, and gives the document.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status.as_u16(), status, "{text}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{text}");
        let document: Value = serde_json::from_slice(&self.body).expect("JSON");
        assert_eq!(document["code"], code, "{text}");
        assert_eq!(document["type"], format!("/problems/{code}"));
        document
    }
}

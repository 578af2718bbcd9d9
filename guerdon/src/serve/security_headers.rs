//! The headers that every answer bears, for browsers and for caches on the way: an answer is what
//! its type says, is shown in no other page, and is kept by nobody unless it is open to all.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

/// For answers that no browser shows as a page: nothing may be loaded on their account.
const NO_PAGE: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'");

/// For a page that says nothing itself: everything comes from this server.
const PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     frame-ancestors 'none'; base-uri 'none'",
);

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Who may keep an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Everybody, for some minutes: it is the same for all, and needs no key.
    Everybody,
    /// Its reader, who asks each time whether it is still so: the programme's terms.
    Reader,
    /// Nobody: it may be about a person.
    Nobody,
}

impl Keeping {
    /// Of the answer to such a request.
    pub(super) fn of(method: &Method, path: &str) -> Self {
        if method != Method::GET && method != Method::HEAD {
            return Self::Nobody;
        }
        let is_under = |folder: &str| {
            let rest = path.strip_prefix(folder);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let is_open = ["/", "/v1", "/openapi.json"].contains(&path);
        if is_open || is_under("/problems") || is_under("/docs") {
            Self::Everybody
        } else if ["/v1/offers", "/v1/earning-rules", "/v1/policy"].into_iter().any(is_under) {
            Self::Reader
        } else {
            Self::Nobody
        }
    }
}

/// Adds what an answer doesn't say by itself.
pub(super) fn add(
    headers: &mut HeaderMap,
    status: StatusCode,
    keeping: Keeping,
    is_encrypted: bool,
) {
    let is_page =
        headers.get(CONTENT_TYPE).is_some_and(|of| of.as_bytes().starts_with(b"text/html"));
    let is_found = status == StatusCode::OK || status == StatusCode::NOT_MODIFIED;
    let kept = match keeping {
        Keeping::Everybody if is_found => "public, max-age=300",
        Keeping::Reader if is_found => "private, no-cache",
        _ => "no-store",
    };
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static(kept));
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(if is_page { PAGE } else { NO_PAGE });
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    if is_page {
        // JSON has no links, and its policy keeps it out of frames.
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
    if is_encrypted {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(method: &str, path: &str, status: u16) -> String {
        let mut headers = HeaderMap::new();
        let keeping = Keeping::of(&method.parse().expect("a method"), path);
        add(&mut headers, StatusCode::from_u16(status).expect("a status"), keeping, false);
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY), "nothing is encrypted");
        headers[CACHE_CONTROL].to_str().expect("text").to_owned()
    }

    #[test]
    fn only_what_is_open_to_all_is_kept_by_others() {
        for (method, path, status, expected) in [
            ("GET", "/", 200, "public, max-age=300"),
            ("GET", "/problems/sold-out", 200, "public, max-age=300"),
            ("HEAD", "/docs/page.js", 200, "public, max-age=300"),
            ("GET", "/problems/nothing", 404, "no-store"),
            ("GET", "/", 503, "no-store"),
            ("POST", "/problems", 405, "no-store"),
            ("GET", "/v1/offers/mug", 200, "private, no-cache"),
            ("GET", "/v1/policy", 304, "private, no-cache"),
            ("GET", "/v1/policy", 401, "no-store"),
            ("PUT", "/v1/offers/mug", 200, "no-store"),
            ("GET", "/v1/offersmug", 200, "no-store"),
            ("GET", "/v1/accounts/ann", 200, "no-store"),
            ("GET", "/health/ready", 200, "no-store"),
            ("GET", "/metrics", 200, "no-store"),
        ] {
            assert_eq!(kept(method, path, status), expected, "{method} {path} {status}");
        }
    }

    #[test]
    fn what_an_answer_says_by_itself_stands() {
        let own = HeaderValue::from_static("default-src 'self'");
        let mut headers = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (CONTENT_SECURITY_POLICY, own.clone()),
        ]);
        add(&mut headers, StatusCode::OK, Keeping::Everybody, true);
        assert_eq!(headers[CONTENT_SECURITY_POLICY], own);
        assert_eq!(headers[STRICT_TRANSPORT_SECURITY], "max-age=31536000");
        headers.remove(CONTENT_SECURITY_POLICY);
        add(&mut headers, StatusCode::OK, Keeping::Everybody, true);
        assert_eq!(headers[CONTENT_SECURITY_POLICY], PAGE);
    }
}

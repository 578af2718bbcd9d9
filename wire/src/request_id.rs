//! The header `X-Request-Id`: by which id a request is known in its answer, in what it recorded and
//! in the program's log.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::short_text::ShortText;

/// `X-Request-Id: 8d2f6c01-1f`.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is kept as a client or a proxy sent it: it is in every event of the request.
/// A UUID has 36 characters, a trace's id 32.
const REQUEST_ID_BYTES_MAX: usize = 64;

/// The id of a request, if it is one: letters, digits and `-_.:`, so that it is safe in a public
/// text, a log and a header.
#[must_use]
pub(crate) fn read_request_id(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(X_REQUEST_ID).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    let id = line.to_str().ok()?;
    let is_id = (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(is_safe);
    is_id.then_some(id)
}

/// Makes the ids of requests that come without one: the process's number, and the request's.
#[derive(Debug)]
pub struct RequestIds {
    process: u32,
    requests: AtomicU64,
}

impl RequestIds {
    /// Ids of a process. The number should be random: others of the ledger's processes have theirs.
    #[must_use]
    pub const fn new(process: u32) -> Self {
        Self { process, requests: AtomicU64::new(1) }
    }

    /// Sees to it that the request has one id, and gives it for the answer. What can't be an id is
    /// replaced: a request isn't refused for it, because most come through proxies.
    pub fn see_to(&self, headers: &mut HeaderMap) -> HeaderValue {
        if read_request_id(headers).is_some()
            && let Some(id) = headers.get(X_REQUEST_ID)
        {
            return id.clone();
        }
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let id = ShortText::new().hex(self.process.into(), 8).byte(b'-').hex(number, 1);
        // Digits and a hyphen are a header's value.
        let id = id.header().unwrap_or_else(|| HeaderValue::from(number));
        headers.insert(X_REQUEST_ID, id.clone());
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(ids: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for id in ids {
            headers.append(X_REQUEST_ID, HeaderValue::from_static(id));
        }
        headers
    }

    #[test]
    fn an_id_that_came_is_kept() {
        let ids = RequestIds::new(7);
        for id in ["0197d9a4-6f7e-7c52-8ed1-f5c1a0a4d111", "a", "req_1.2:3"] {
            let mut headers = with(&[id]);
            assert_eq!(ids.see_to(&mut headers), id);
            assert_eq!(read_request_id(&headers), Some(id));
        }
    }

    #[test]
    fn what_can_be_no_id_is_replaced_by_one_that_no_other_request_has() {
        let ids = RequestIds::new(0xabc);
        let long = "x".repeat(65).leak();
        let mut made = vec![];
        for came in [&[][..], &[""], &["a b"], &["ann@example.org"], &[long], &["a", "a"]] {
            let mut headers = with(came);
            let id = ids.see_to(&mut headers);
            assert_eq!(read_request_id(&headers), id.to_str().ok(), "{came:?}");
            assert_eq!(headers.get_all(X_REQUEST_ID).iter().count(), 1);
            made.push(id.to_str().expect("a text").to_owned());
        }
        assert_eq!(made[0], "00000abc-1");
        made.dedup();
        assert_eq!(made.len(), 6);
    }
}

//! The header `Guerdon-Reason`: why a call is made, in a person's words.

use axum::http::{HeaderMap, HeaderName};
use domain::Reason;
use percent_encoding::percent_decode;

use crate::Problem;

/// `Guerdon-Reason: stock was counted anew`.
const GUERDON_REASON: HeaderName = HeaderName::from_static("guerdon-reason");

/// Why the call is made, if it says so: UTF-8, of which any byte may be written as `%20`, because
/// many clients send only ASCII.
pub fn read_reason(headers: &HeaderMap) -> Result<Option<Reason>, Problem> {
    let mut lines = headers.get_all(GUERDON_REASON).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(invalid("is there twice; send it once"));
    }
    let text = percent_decode(line.as_bytes())
        .decode_utf8()
        .map_err(|_| invalid("isn't UTF-8; write other bytes than ASCII as %C3%A9"))?;
    if text.chars().any(char::is_control) {
        return Err(invalid("must be one line without control characters"));
    }
    text.trim().parse().map(Some).map_err(invalid)
}

fn invalid(complaint: impl std::fmt::Display) -> Problem {
    Problem::invalid_header("Guerdon-Reason", complaint)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::HeaderValue;
    use axum::routing::put as route_put;

    use super::*;
    use crate::test_request::put;
    use crate::{Caller, KeyHash, KeyRing, Role, only};

    fn read(lines: &[&[u8]]) -> Result<Option<String>, String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(GUERDON_REASON, HeaderValue::from_bytes(line).expect("a value"));
        }
        let reason = read_reason(&headers).map_err(|problem| problem.detail().to_owned())?;
        Ok(reason.map(|reason| reason.as_str().to_owned()))
    }

    #[test]
    fn a_reason_may_be_sent_as_it_is_or_in_ascii() {
        for (line, reason) in [
            (&b"stock was counted anew"[..], "stock was counted anew"),
            ("gezählt".as_bytes(), "gezählt"),
            (b"gez%C3%A4hlt", "gezählt"),
            (b" %E5%BA%93%E5%AD%98 ", "库存"),
            (b"100% wrong, 50%25 of it; %zz%2", "100% wrong, 50% of it; %zz%2"),
        ] {
            assert_eq!(read(&[line]), Ok(Some(reason.to_owned())));
        }
        assert_eq!(read(&[]), Ok(None));
    }

    #[test]
    fn what_is_no_reason_is_refused() {
        let long = "y".repeat(513);
        for (lines, complaint) in [
            (&[&b"a"[..], b"b"][..], "is there twice"),
            (&[b""], "1 to 512 bytes"),
            (&[b"%20"], "1 to 512 bytes"),
            (&[long.as_bytes()], "1 to 512 bytes"),
            (&[b"%C3"], "isn't UTF-8"),
            (&[b"a%0Ab"], "one line"),
            (&[b"a%00"], "one line"),
        ] {
            let refused = read(lines).expect_err("it is refused");
            assert!(refused.contains(complaint), "{refused}");
        }
    }

    #[tokio::test]
    async fn the_handler_knows_why_it_is_called_and_by_which_request() {
        async fn why(caller: Caller) -> String {
            let reason = caller.principal.reason.as_deref().unwrap_or("nothing");
            format!("{reason}, {}", caller.request_id.as_deref().unwrap_or("no id"))
        }
        let ring: KeyRing = [(KeyHash::of("otto"), Role::Operator)].into_iter().collect();
        let route = route_put(only(&[Role::Operator], why));
        let router = Router::new().route("/exchanges", route).with_state(ring);
        let call = |header: &str, value: &str| {
            let asked = put("/exchanges").header("authorization", "Bearer otto");
            asked.header(header, value).send(router.clone())
        };
        assert_eq!(call("guerdon-reason", "a%20goodwill").await.text(), "a goodwill, no id");
        assert_eq!(call("x-request-id", "r-1").await.text(), "nothing, r-1");
        assert_eq!(call("x-request-id", "ann@example.org").await.text(), "nothing, no id");
        let refused = call("guerdon-reason", "%00").await;
        assert_eq!(refused.is_problem(400, "invalid-header")["header"], "Guerdon-Reason");
        // It is no other's reason.
        assert_eq!(call("x", "y").await.text(), "nothing, no id");
    }
}

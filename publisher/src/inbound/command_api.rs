//! The command API as the publisher calls it: in this process through the router, or over HTTP if
//! the publisher runs alone. Both ways make the same requests and read the same answers.

use std::fmt;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt as _;
use wire::{Caller, FORBIDDEN, GUERDON_POSITION, INTERNAL, NO_SUCH_ROUTE, Role};

use super::call::Call;
use crate::causes::with_causes;

/// How long the command API may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// How much of an answer is read; a problem document is far shorter.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Where the command API is.
#[derive(Clone)]
pub enum CommandApiAt {
    /// In this process.
    InProcess(Router),
    /// In another process.
    Http {
        /// `http://HOST:PORT`.
        url: String,
        /// The API key for the warehouses' messages.
        warehouse_key: String,
        /// The API key for earnings.
        merchant_key: String,
        /// The HTTP client.
        client: reqwest::Client,
    },
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The event is recorded, now or before.
    Done,
    /// The outcome isn't known; the same request may succeed later.
    Later(NoAnswer),
    /// The command API failed at the message (500). That may pass, or be of the message.
    Failed(Refused),
    /// The command API refused the message.
    Refused(Refused),
}

/// Why the command API doesn't take a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The code of the problem.
    pub(crate) code: String,
    /// The problem's detail.
    pub(crate) why: String,
}

/// Why a request has no answer yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The command API can't answer now, or doesn't accept the key; its own detail.
    Detail(String),
    /// The command API can't be reached.
    Unreachable(String),
    /// Another server answers at the command API's URL.
    NotTheCommandApi {
        /// The URL.
        url: String,
        /// The status of that answer.
        status: StatusCode,
    },
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Detail(why) | Self::Unreachable(why) => f.write_str(why),
            Self::NotTheCommandApi { url, status } => write!(
                f,
                "{url} answered {status}, and is not the command API; check --command-api"
            ),
        }
    }
}

/// A status and a body.
struct Response {
    status: StatusCode,
    body: Bytes,
}

impl CommandApiAt {
    pub(crate) async fn call(&self, call: &Call, traceparent: Option<&str>) -> Answer {
        let response = match self {
            Self::InProcess(router) => in_process(router, call, traceparent).await,
            Self::Http { url, warehouse_key, merchant_key, client } => {
                let key = if call.role == Role::Merchant { merchant_key } else { warehouse_key };
                over_http(HttpCall { client, url, key, call, traceparent }).await
            }
        };
        match response {
            Ok(response) => judge(&response),
            Err(why) => Answer::Later(why),
        }
    }
}

async fn in_process(
    router: &Router,
    call: &Call,
    traceparent: Option<&str>,
) -> Result<Response, NoAnswer> {
    let mut request = Request::builder().method(&call.method).uri(&call.path);
    request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let traceparent = traceparent.map(Into::into);
    let request = request
        .extension(Caller::of_this_process(call.role, traceparent))
        .body(Body::from(call.body.clone()))
        .map_err(|error| NoAnswer::Unreachable(error.to_string()))?;
    let Ok(response) = router.clone().oneshot(request).await;
    let status = response.status();
    let body = to_bytes(response.into_body(), ANSWER_BYTES_MAX).await;
    Ok(Response { status, body: body.unwrap_or_default() })
}

/// A request over HTTP, and with which key.
struct HttpCall<'a> {
    client: &'a reqwest::Client,
    url: &'a str,
    key: &'a str,
    call: &'a Call,
    traceparent: Option<&'a str>,
}

async fn over_http(http: HttpCall<'_>) -> Result<Response, NoAnswer> {
    let HttpCall { client, url, key, call, traceparent } = http;
    let mut request = client
        .request(call.method.clone(), format!("{url}{}", call.path))
        .timeout(ANSWER_MAX)
        .bearer_auth(key)
        .header(CONTENT_TYPE, "application/json")
        .body(call.body.clone());
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    let unreachable = |error: reqwest::Error| NoAnswer::Unreachable(with_causes(&error));
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let has_position = response.headers().contains_key(GUERDON_POSITION);
    let body = response.bytes().await.map_err(unreachable)?;
    let problem: Option<Value> = serde_json::from_slice(&body).ok();
    let code = problem.as_ref().and_then(|problem| problem["code"].as_str());
    // A process of the ledger without the command API answers so.
    let is_unrouted = status == StatusCode::METHOD_NOT_ALLOWED || code == Some(NO_SUCH_ROUTE.slug);
    let is_problem = code.is_some() && !is_unrouted;
    // Another server, or a proxy, must not decide what becomes of a message.
    if (status.is_success() && has_position) || (!status.is_success() && is_problem) {
        return Ok(Response { status, body });
    }
    Err(NoAnswer::NotTheCommandApi { url: url.into(), status })
}

/// Sorts an answer. What is about the key, a limit or a server that is away isn't the message's
/// fault, and may pass. Every other refusal is about the message, which would be refused for ever
/// and hold up all that come after it. Of a server error nobody can say which it is.
fn judge(response: &Response) -> Answer {
    let problem: Option<Value> = serde_json::from_slice(&response.body).ok();
    let text = |name: &str| problem.as_ref().and_then(|problem| problem[name].as_str());
    let no_detail = || format!("The command API answered {}.", response.status);
    let why = text("detail").map_or_else(no_detail, Into::into);
    // Every problem of the ledger has a code; a bare 500 is a handler's that gave none.
    let code = text("code").unwrap_or(INTERNAL.slug).to_owned();
    match response.status.as_u16() {
        200..300 => Answer::Done,
        401 | 408 | 429 | 502..=504 => Answer::Later(NoAnswer::Detail(why)),
        403 if code == FORBIDDEN.slug => Answer::Later(NoAnswer::Detail(why)),
        500..600 => Answer::Failed(Refused { code, why }),
        _ => Answer::Refused(Refused { code, why }),
    }
}

/// Shows no key: they are secrets.
impl fmt::Debug for CommandApiAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InProcess(_) => f.write_str("CommandApiAt::InProcess"),
            Self::Http { url, .. } => write!(f, "CommandApiAt::Http({url})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::warehouse_call;
    use super::*;

    /// The answer of whatever server is at an address.
    async fn answer_of(elsewhere: Router) -> Answer {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, elsewhere).await });
        let (warehouse_key, merchant_key) = ("w".into(), "m".into());
        let client = reqwest::Client::new();
        let http = CommandApiAt::Http { url, warehouse_key, merchant_key, client };
        let body = br#"{"shipping_request_id":"l-1-0-5","event":"accepted"}"#;
        http.call(&warehouse_call(body).expect("it is read"), None).await
    }

    #[tokio::test]
    async fn a_server_that_is_not_the_command_api_does_not_decide_about_a_message() {
        let only_read = wire::finish(Router::new().route(
            "/v1/shipping-requests/{id}/acceptance",
            axum::routing::get(|| async { "It is accepted." }),
        ));
        // Other roles of the ledger.
        for elsewhere in [wire::finish(Router::new()), only_read] {
            let answer = answer_of(elsewhere).await;
            let is_later = matches!(&answer, Answer::Later(NoAnswer::NotTheCommandApi { .. }));
            assert!(is_later, "{answer:?}");
        }
        for status in [StatusCode::OK, StatusCode::NOT_FOUND, StatusCode::FOUND] {
            let elsewhere = Router::new().fallback(move || async move { (status, "<html>") });
            let answer = answer_of(elsewhere).await;
            let says_so =
                matches!(&answer, Answer::Later(why) if why.to_string().contains("--command-api"));
            assert!(says_so, "{answer:?}");
        }
        let recorded = Router::new().fallback(|| async { ([("guerdon-position", "0:1")], "{}") });
        assert_eq!(answer_of(recorded).await, Answer::Done);
        let refused = Router::new().fallback(|| async {
            (StatusCode::NOT_FOUND, r#"{"code":"not-found","detail":"There is none."}"#)
        });
        let of_it = Refused { code: "not-found".into(), why: "There is none.".into() };
        assert_eq!(answer_of(refused).await, Answer::Refused(of_it));
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let judged = |status, body: &'static str| {
            let status = StatusCode::from_u16(status).expect("a status");
            judge(&Response { status, body: Bytes::from_static(body.as_bytes()) })
        };
        for status in [200, 201] {
            assert_eq!(judged(status, ""), Answer::Done);
        }
        for status in [401, 408, 429, 502, 503, 504] {
            assert!(matches!(judged(status, ""), Answer::Later(_)), "{status}");
        }
        for status in [400, 403, 404, 409, 412, 413, 415, 422, 428, 431] {
            assert!(matches!(judged(status, ""), Answer::Refused(_)), "{status}");
        }
        for status in [500, 501, 505] {
            assert!(matches!(judged(status, ""), Answer::Failed(_)), "{status}");
        }
        let of_the_key =
            r#"{"code":"forbidden","detail":"The key's role may not.","role":"auditor"}"#;
        assert!(matches!(judged(403, of_the_key), Answer::Later(_)));
        let of_the_body = r#"{"code":"adjustment-forbidden","detail":"It is an adjustment."}"#;
        let refused =
            |code: &str, why: &str| Answer::Refused(Refused { code: code.into(), why: why.into() });
        let adjustment = refused("adjustment-forbidden", "It is an adjustment.");
        assert_eq!(judged(403, of_the_body), adjustment);
        let of_the_request = r#"{"code":"warehouse-forbidden","detail":"It is another's."}"#;
        assert_eq!(judged(403, of_the_request), refused("warehouse-forbidden", "It is another's."));
    }
}

//! The way in: what a message says becomes the HTTP request that a warehouse or a shop would make.
//!
//! In process through the router, or over HTTP where the publisher runs alone. There is one way in,
//! and one set of answers.

use std::fmt;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, Request, StatusCode};
use serde_json::{Map, Value};
use tower::ServiceExt as _;
use wire::{Caller, NO_SUCH_ROUTE, Role};

/// How long the command API may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// The most of an answer that is read: a problem document is far shorter.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Where the command API is.
#[derive(Clone)]
pub enum CommandApiAt {
    /// In this process.
    Here(Router),
    /// Somewhere else; with the keys that it is called with.
    There {
        /// `http://HOST:PORT`.
        url: String,
        /// A warehouse's.
        warehouse_key: String,
        /// A merchant's.
        merchant_key: String,
        /// To ask with.
        client: reqwest::Client,
    },
}

/// A request to the command API.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    role: Role,
    method: Method,
    path: String,
    body: Vec<u8>,
    /// What has to stay in order: a shipping request, an account.
    pub(crate) key: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// It is recorded, now or before.
    Done,
    /// Nobody could say; the same may go well later.
    Later(String),
    /// It can't be used, for this reason.
    Refused(String),
}

/// What a warehouse says: `{"shipping_request_id":…,"event":…}` and what belongs to that event.
pub(crate) fn warehouse_call(body: &[u8]) -> Result<Call, String> {
    let mut body = object(body)?;
    let id = taken_id(&mut body, "shipping_request_id")?;
    let resource = match taken_text(&mut body, "event")?.as_str() {
        "accepted" => "acceptance",
        "back-ordered" => "back-order",
        "dispatched" => "dispatch",
        "delivered" => "delivery",
        "rejected" => "rejection",
        other => {
            return Err(format!(
                "The field event must be accepted, back-ordered, dispatched, delivered or \
                 rejected, not {other:?}."
            ));
        }
    };
    Ok(Call {
        role: Role::Warehouse,
        method: Method::PUT,
        path: format!("/v1/shipping-requests/{id}/{resource}"),
        body: Value::Object(body).to_string().into_bytes(),
        key: id,
    })
}

/// What somebody has earned: the body of `POST /v1/accounts/{account_id}/credits`, and whose.
pub(crate) fn earning_call(body: &[u8]) -> Result<Call, String> {
    let mut body = object(body)?;
    let id = taken_id(&mut body, "account_id")?;
    Ok(Call {
        role: Role::Merchant,
        method: Method::POST,
        path: format!("/v1/accounts/{id}/credits"),
        body: Value::Object(body).to_string().into_bytes(),
        key: id,
    })
}

fn object(body: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("The message must be a JSON object.".into()),
        Err(error) => Err(format!("The message can't be read as JSON: {error}.")),
    }
}

fn taken_text(body: &mut Map<String, Value>, field: &str) -> Result<String, String> {
    match body.remove(field) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("The field {field} must be a text.")),
        None => Err(format!("The field {field} is missing.")),
    }
}

/// An id goes into a path, so it is looked at here already.
fn taken_id(body: &mut Map<String, Value>, field: &str) -> Result<String, String> {
    let id = taken_text(body, field)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:~".contains(&byte);
    if id.is_empty() || id.len() > 128 || !id.bytes().all(is_plain) || id.starts_with('.') {
        return Err(format!("The field {field} is no id: {id:?}."));
    }
    Ok(id)
}

impl CommandApiAt {
    pub(crate) async fn call(&self, call: &Call, traceparent: Option<&str>) -> Answered {
        let asked = match self {
            Self::Here(router) => here(router, call, traceparent).await,
            Self::There { url, warehouse_key, merchant_key, client } => {
                let key = if call.role == Role::Merchant { merchant_key } else { warehouse_key };
                there(client, url, key, call, traceparent).await
            }
        };
        match asked {
            Ok((status, body)) => judge(status, &body),
            Err(why) => Answered::Later(why),
        }
    }
}

async fn here(
    router: &Router,
    call: &Call,
    traceparent: Option<&str>,
) -> Result<(StatusCode, Bytes), String> {
    let mut request = Request::builder().method(&call.method).uri(&call.path);
    request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let traceparent = traceparent.map(Into::into);
    let request = request
        .extension(Caller { role: call.role, traceparent })
        .body(Body::from(call.body.clone()))
        .map_err(|error| error.to_string())?;
    let Ok(response) = router.clone().oneshot(request).await;
    let status = response.status();
    let body = to_bytes(response.into_body(), ANSWER_BYTES_MAX).await;
    Ok((status, body.unwrap_or_default()))
}

async fn there(
    client: &reqwest::Client,
    url: &str,
    key: &str,
    call: &Call,
    traceparent: Option<&str>,
) -> Result<(StatusCode, Bytes), String> {
    let mut request = client
        .request(call.method.clone(), format!("{url}{}", call.path))
        .timeout(ANSWER_MAX)
        .bearer_auth(key)
        .header(CONTENT_TYPE, "application/json")
        .body(call.body.clone());
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    let response = request.send().await.map_err(|error| crate::with_causes(&error))?;
    let status = response.status();
    let is_done = response.headers().contains_key("guerdon-position");
    let body = response.bytes().await.map_err(|error| crate::with_causes(&error))?;
    let problem: Option<Value> = serde_json::from_slice(&body).ok();
    let code = problem.as_ref().and_then(|problem| problem["code"].as_str());
    // So says a process of the ledger that isn't the command API.
    let is_unrouted = status == StatusCode::METHOD_NOT_ALLOWED || code == Some(NO_SUCH_ROUTE.slug);
    let is_problem = code.is_some() && !is_unrouted;
    // What is at another address, or stands between, has no say in what becomes of a message.
    if (status.is_success() && is_done) || (!status.is_success() && is_problem) {
        return Ok((status, body));
    }
    Err(format!("{url} answered {status}, and not as the command API does; see --command-api"))
}

/// A key that isn't known, or a limit, is no fault of the message.
fn judge(status: StatusCode, body: &[u8]) -> Answered {
    let problem: Option<Value> = serde_json::from_slice(body).ok();
    let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str());
    let detail = detail.map_or_else(|| format!("The command API answered {status}."), Into::into);
    match status.as_u16() {
        200..300 => Answered::Done,
        401 | 403 | 408 | 429 | 502..=504 => Answered::Later(detail),
        _ => Answered::Refused(detail),
    }
}

/// The keys are secrets.
impl fmt::Debug for CommandApiAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(_) => f.write_str("CommandApiAt::Here"),
            Self::There { url, .. } => write!(f, "CommandApiAt::There({url})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_warehouse_says_is_put_where_it_belongs() {
        let said = br#"{"shipping_request_id":"l-1-0-5","event":"dispatched","carrier":"post"}"#;
        let call = warehouse_call(said).expect("it is read");
        assert_eq!(call.method, Method::PUT);
        assert_eq!(call.path, "/v1/shipping-requests/l-1-0-5/dispatch");
        assert_eq!(call.body, br#"{"carrier":"post"}"#);
        assert_eq!((call.role, call.key.as_str()), (Role::Warehouse, "l-1-0-5"));
    }

    #[test]
    fn an_earning_is_posted_to_its_account() {
        let call = earning_call(br#"{"account_id":"ann","points":5}"#).expect("it is read");
        assert_eq!(call.path, "/v1/accounts/ann/credits");
        assert_eq!((call.body.as_slice(), call.role), (&br#"{"points":5}"#[..], Role::Merchant));
    }

    #[test]
    fn what_can_not_be_read_is_refused_in_a_sentence() {
        let said: [&[u8]; 6] = [
            b"",
            b"[]",
            br#"{"event":"accepted"}"#,
            br#"{"shipping_request_id":7,"event":"accepted"}"#,
            br#"{"shipping_request_id":"../x","event":"accepted"}"#,
            br#"{"shipping_request_id":"x","event":"eaten"}"#,
        ];
        for said in said {
            let refused = warehouse_call(said).expect_err("it is refused");
            assert!(refused.ends_with('.'), "{refused}");
        }
    }

    /// Whatever answers at an address.
    async fn asked_at(elsewhere: Router) -> Answered {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, elsewhere).await });
        let (warehouse_key, merchant_key) = ("w".into(), "m".into());
        let client = reqwest::Client::new();
        let there = CommandApiAt::There { url, warehouse_key, merchant_key, client };
        let said = br#"{"shipping_request_id":"l-1-0-5","event":"accepted"}"#;
        there.call(&warehouse_call(said).expect("it is read"), None).await
    }

    #[tokio::test]
    async fn what_is_not_the_command_api_has_no_say_in_what_becomes_of_a_message() {
        let only_read = wire::finish(Router::new().route(
            "/v1/shipping-requests/{id}/acceptance",
            axum::routing::get(|| async { "It is accepted." }),
        ));
        // Other roles of the ledger.
        for elsewhere in [wire::finish(Router::new()), only_read] {
            let answered = asked_at(elsewhere).await;
            let is_later =
                matches!(&answered, Answered::Later(why) if why.contains("--command-api"));
            assert!(is_later, "{answered:?}");
        }
        for status in [StatusCode::OK, StatusCode::NOT_FOUND, StatusCode::FOUND] {
            let elsewhere = Router::new().fallback(move || async move { (status, "<html>") });
            let answered = asked_at(elsewhere).await;
            assert!(matches!(&answered, Answered::Later(why) if why.contains("--command-api")));
        }
        let recorded = Router::new().fallback(|| async { ([("guerdon-position", "0:1")], "{}") });
        assert_eq!(asked_at(recorded).await, Answered::Done);
        let refused = Router::new().fallback(|| async {
            (StatusCode::NOT_FOUND, r#"{"code":"not-found","detail":"There is none."}"#)
        });
        assert_eq!(asked_at(refused).await, Answered::Refused("There is none.".into()));
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let judged = |status| judge(StatusCode::from_u16(status).expect("a status"), b"");
        for status in [200, 201] {
            assert_eq!(judged(status), Answered::Done);
        }
        for status in [401, 403, 429, 502, 503, 504] {
            assert!(matches!(judged(status), Answered::Later(_)), "{status}");
        }
        for status in [400, 404, 409, 422, 500] {
            assert!(matches!(judged(status), Answered::Refused(_)), "{status}");
        }
    }
}

//! Request bodies: JSON objects, read strictly, with every complaint naming its field.

use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;

use crate::Problem;
use crate::field_error::FieldError;

/// The longest body, in bytes, unless a call says otherwise: the longest texts of a redemption
/// (2 KiB of `deliver_to`, each byte escaped to six) fit.
pub const BODY_BYTES_MAX: usize = 16 * 1024;

/// Why a body can't be read to its end: the server waits for it no longer.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the body didn't arrive in time")]
pub struct BodyTooSlow;

/// A body read as `T`, at most `LIMIT` bytes long.
#[derive(Clone, Copy, Debug)]
pub struct JsonBody<T, const LIMIT: usize = BODY_BYTES_MAX>(pub T);

impl<T, S, const LIMIT: usize> FromRequest<S> for JsonBody<T, LIMIT>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let nothing = request.body().is_end_stream().then(nothing).flatten();
            return nothing.map(Self).ok_or_else(Problem::not_json);
        }
        let body = collect(request.into_body(), LIMIT).await?;
        match body.is_empty().then(nothing).flatten() {
            Some(nothing) => Ok(Self(nothing)),
            None => read_json::<T>(&body).map(Self),
        }
    }
}

/// An empty body as a `T`: it means `{}`, where `T` has no required field.
fn nothing<T: DeserializeOwned>() -> Option<T> {
    serde_json::from_str("{}").ok()
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else {
        return false;
    };
    let media_type = value.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json") || {
        let media_type = media_type.to_ascii_lowercase();
        media_type.starts_with("application/") && media_type.ends_with("+json")
    }
}

async fn collect(mut body: Body, limit: usize) -> Result<Bytes, Problem> {
    // What is declared to be too long needn't come first.
    if usize::try_from(body.size_hint().lower()).map_or(true, |declared| declared > limit) {
        return Err(Problem::body_too_large(limit));
    }
    let (mut first, mut whole) = (Bytes::new(), Vec::new());
    while let Some(data) = next_data(&mut body).await {
        let data = data.map_err(|error| broken_off(&error))?;
        if first.len() + whole.len() + data.len() > limit {
            return Err(Problem::body_too_large(limit));
        }
        // Most come in one piece, which is read where it lies.
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.into() })
}

/// A body that didn't come to its end.
fn broken_off(error: &axum::Error) -> Problem {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<BodyTooSlow>() {
            return Problem::body_too_slow();
        }
        cause = error.source();
    }
    Problem::invalid_json(1, 1, "the body ended too early")
}

async fn next_data(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
    // What is not data is trailers, which nothing reads.
    Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
}

/// A body that has come, as a `T`; a complaint names its field.
pub(crate) fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|first| *first != b'{') {
        return Err(match serde_json::from_slice::<IgnoredAny>(body) {
            Ok(_) => Problem::invalid_json(1, 1, "another JSON value begins"),
            Err(error) => not_json(&error),
        });
    }
    serde_json::from_slice(body).or_else(|_| complain(body))
}

/// Reads again, slower, keeping the path to what is wrong.
fn complain<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        // A number where an enum is wanted is a syntax error to serde_json, in a body that is JSON.
        if error.inner().classify() == Category::Data || is_json_text(body) {
            let FieldError { field, complaint } =
                FieldError::new(error.path(), &message(error.inner()));
            Problem::invalid_field(&field, complaint)
        } else {
            not_json(error.inner())
        }
    })?;
    reader.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

/// Whether the body is well-formed, whatever is in it. This reads without recursion.
fn is_json_text(body: &[u8]) -> bool {
    let text = std::str::from_utf8(body);
    text.is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

fn not_json(error: &serde_json::Error) -> Problem {
    // At the end of an empty body serde_json stands before the first column.
    Problem::invalid_json(error.line(), error.column().max(1), message(error))
}

/// What `serde_json` says, without the place, which it adds at the end.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::put as route_put;
    use serde::Deserialize;

    use super::*;
    use crate::test_request::{Answer, put};

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Earning {
        points: u64,
        cause: Cause,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Cause {
        id: String,
        kind: Option<Kind>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Kind {
        Purchase,
    }

    async fn earn(JsonBody(earning): JsonBody<Earning>) -> String {
        let Cause { id, kind } = earning.cause;
        format!("{} for {id}{}", earning.points, kind.map_or("", |Kind::Purchase| ", a purchase"))
    }

    async fn send(content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        let router = Router::new().route("/", route_put(earn));
        put("/").header("content-type", content_type).body(body).send(router).await
    }

    #[tokio::test]
    async fn an_object_is_read_under_any_json_type() {
        for content_type in
            ["application/json", "application/json; charset=utf-8", "application/x+json"]
        {
            let answer = send(content_type, r#" {"points":5,"cause":{"id":"B-1"}} "#).await;
            assert_eq!(answer.text(), "5 for B-1");
        }
        let whole = r#"{"points":5,"cause":{"id":"B-1","kind":"purchase"}}"#;
        assert_eq!(send("application/json", whole).await.text(), "5 for B-1, a purchase");
    }

    #[tokio::test]
    async fn another_type_is_415() {
        for content_type in ["text/plain", "", "application/xml", "json"] {
            send(content_type, "{}").await.is_problem(415, "not-json");
        }
    }

    #[tokio::test]
    async fn a_wrong_field_is_named_with_its_path() {
        for (body, field) in [
            (r#"{"points":-5,"cause":{"id":"B-1"}}"#, "points"),
            (r#"{"points":1.5,"cause":{"id":"B-1"}}"#, "points"),
            (r#"{"points":1e400,"cause":{"id":"B-1"}}"#, "points"),
            (r#"{"points":"5","cause":{"id":"B-1"}}"#, "points"),
            (r#"{"points":5,"cause":{"id":7}}"#, "cause.id"),
            (r#"{"points":5,"cause":{}}"#, "cause.id"),
            (r#"{"points":5}"#, "cause"),
            (r#"{"points":5,"cause":{"id":"B-1"},"colour":1}"#, "colour"),
            (r#"{"points":5,"cause":{"id":"B-1","colour":1}}"#, "cause.colour"),
            (r#"{"points":5,"points":5,"cause":{"id":"B-1"}}"#, "points"),
            (r#"{"points":5,"cause":null}"#, "cause"),
            (r#"{"points":5,"cause":{"id":"B-1","kind":"gift"}}"#, "cause.kind"),
            (r#"{"points":5,"cause":{"id":"B-1","kind":5}}"#, "cause.kind"),
            (r#"{"points":5,"cause":{"id":"\ud800"}}"#, "cause.id"),
        ] {
            let answer = send("application/json", body).await;
            assert_eq!(answer.is_problem(400, "invalid-field")["field"], field, "{body}");
        }
    }

    #[tokio::test]
    async fn a_complaint_is_a_sentence_and_short_however_long_the_field() {
        let answer = send("application/json", r#"{"points":"5"}"#).await;
        assert_eq!(
            answer.is_problem(400, "invalid-field")["detail"],
            "The field points of the body is the string \"5\", but must be a whole number, not \
             negative. Correct it and send the request again."
        );
        let long = "x".repeat(15_000);
        for body in [format!(r#"{{"points":"{long}"}}"#), format!(r#"{{"{long}":1}}"#)] {
            assert!(send("application/json", body).await.body.len() < 1_000);
        }
    }

    #[tokio::test]
    async fn an_empty_body_says_nothing_where_nothing_needs_to_be_said() {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Release {
            by: Option<String>,
        }
        async fn release(JsonBody(release): JsonBody<Release>) -> String {
            release.by.unwrap_or_else(|| "nobody".into())
        }
        let router = || Router::new().route("/", route_put(release));
        assert_eq!(put("/").body("").send(router()).await.text(), "nobody");
        for body in ["", "{}"] {
            let json = put("/").header("content-type", "application/json").body(body);
            assert_eq!(json.send(router()).await.text(), "nobody");
        }
        put("/").body("{}").send(router()).await.is_problem(415, "not-json");
        send("", "").await.is_problem(415, "not-json");
    }

    #[tokio::test]
    async fn line_and_column_count_from_1() {
        let problem = send("application/json", "").await.is_problem(400, "invalid-json");
        assert_eq!((&problem["line"], &problem["column"]), (&1.into(), &1.into()));
    }

    #[tokio::test]
    async fn another_json_value_is_refused() {
        let deep = "[".repeat(10_000);
        for body in ["", "{", "nonsense", "[]", "7", "null", r#"{"points":NaN}"#, &deep] {
            send("application/json", body).await.is_problem(400, "invalid-json");
        }
        send("application/json", vec![b'{', 0xff, b'}']).await.is_problem(400, "invalid-json");
        let trailing = r#"{"points":5,"cause":{"id":"B-1"}} x"#;
        send("application/json", trailing).await.is_problem(400, "invalid-json");
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_413() {
        let body = format!(r#"{{"points":5,"cause":{{"id":"{}"}}}}"#, "x".repeat(BODY_BYTES_MAX));
        let problem = send("application/json", body).await.is_problem(413, "body-too-large");
        assert_eq!(problem["limit_bytes"], BODY_BYTES_MAX);
    }
}

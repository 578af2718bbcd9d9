//! Request bodies: JSON objects, read strictly, with every complaint naming its field.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::Problem;

/// The longest body, in bytes, unless a call says otherwise: the longest texts of a redemption
/// (2 KiB of `deliver_to`, each byte escaped to six) fit.
pub const BODY_BYTES_MAX: usize = 16 * 1024;

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
            return Err(Problem::not_json());
        }
        read::<T>(&collect(request, LIMIT).await?).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else {
        return false;
    };
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

async fn collect(request: Request, limit: usize) -> Result<Bytes, Problem> {
    let body = request.into_body();
    // Where the length is declared, a body that is too long isn't even read.
    if axum::body::HttpBody::size_hint(&body).lower() > limit as u64 {
        return Err(Problem::body_too_large(limit));
    }
    axum::body::to_bytes(body, limit).await.map_err(|error| {
        match std::error::Error::source(&error) {
            Some(source) if source.to_string().contains("length limit") => {
                Problem::body_too_large(limit)
            }
            _ => Problem::invalid_json(1, 1, "the body broke off"),
        }
    })
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|first| *first != b'{') {
        return Err(match serde_json::from_slice::<serde::de::IgnoredAny>(body) {
            Ok(_) => Problem::invalid_json(1, 1, "it is JSON of another kind, which begins"),
            Err(error) => problem_of(".", &error),
        });
    }
    serde_json::from_slice(body).or_else(|_| complain(body))
}

/// Reads again, slower, keeping the path to what is wrong.
fn complain<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        problem_of(&path, error.inner())
    })?;
    reader.end().map_err(|error| problem_of(".", &error))?;
    Ok(value)
}

fn problem_of(path: &str, error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = text.strip_suffix(&place).unwrap_or(&text);
    if error.classify() != Category::Data {
        return Problem::invalid_json(error.line(), error.column(), message);
    }
    for (start, complaint) in [
        ("unknown field `", "is not known here"),
        ("missing field `", "is missing"),
        ("duplicate field `", "is there twice"),
    ] {
        if let Some(rest) = message.strip_prefix(start) {
            let (name, known) = rest.split_once('`').unwrap_or((rest, ""));
            let known = known.trim_start_matches(", ");
            let known = if known.is_empty() { String::new() } else { format!(" ({known})") };
            return Problem::invalid_field(&within(path, name), format!("{complaint}{known}"));
        }
    }
    Problem::invalid_field(path, message)
}

/// The path of the field `name`; serde says the path of what holds it, or of the field itself.
fn within(path: &str, name: &str) -> String {
    match path {
        "." => name.to_owned(),
        _ if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
        _ => format!("{path}.{name}"),
    }
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
    }

    async fn earn(JsonBody(earning): JsonBody<Earning>) -> String {
        format!("{} for {}", earning.points, earning.cause.id)
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
        ] {
            let answer = send("application/json", body).await;
            if body.contains("1e400") {
                answer.is_problem(400, "invalid-json");
                continue;
            }
            assert_eq!(answer.is_problem(400, "invalid-field")["field"], field, "{body}");
        }
    }

    #[tokio::test]
    async fn what_is_no_json_object_is_said_to_be_none() {
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

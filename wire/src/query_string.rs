//! Query strings, read strictly: an unknown parameter is a mistake that is named.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::Problem;

/// The parameters after the question mark, as a struct that denies unknown fields.
#[derive(Clone, Copy, Debug)]
pub struct QueryString<T>(pub T);

impl<S, T> FromRequestParts<S> for QueryString<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri).map(|Query(query)| Self(query)).map_err(|error| {
            let text = std::error::Error::source(&error).map(ToString::to_string);
            complaint(&text.unwrap_or_default())
        })
    }
}

fn complaint(text: &str) -> Problem {
    for (start, complaint) in [
        ("unknown field `", "is not known here"),
        ("missing field `", "is missing"),
        ("duplicate field `", "is there twice"),
    ] {
        if let Some((_, rest)) = text.split_once(start) {
            let (name, known) = rest.split_once('`').unwrap_or((rest, ""));
            return Problem::invalid_query(name, format!("{complaint}{known}"));
        }
    }
    match text.split_once(": ") {
        Some((name, complaint)) => Problem::invalid_query(name, complaint),
        None => Problem::invalid_query("", text),
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get as route_get;
    use serde::Deserialize;

    use super::*;
    use crate::test_request::get;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Filter {
        limit: Option<u16>,
    }

    fn router() -> Router {
        let list = async |QueryString(filter): QueryString<Filter>| format!("{:?}", filter.limit);
        Router::new().route("/", route_get(list))
    }

    #[tokio::test]
    async fn known_parameters_are_read() {
        assert_eq!(get("/?limit=7").send(router()).await.text(), "Some(7)");
        assert_eq!(get("/").send(router()).await.text(), "None");
    }

    #[tokio::test]
    async fn a_wrong_parameter_is_named() {
        for (uri, field) in
            [("/?colour=1", "colour"), ("/?limit=1&limit=2", "limit"), ("/?limit=x", "limit")]
        {
            let problem = get(uri).send(router()).await.is_problem(400, "invalid-query");
            assert_eq!(problem["field"], field, "{uri}: {problem}");
        }
    }
}

//! Query strings, read strictly: an unknown parameter is a mistake that is named.

use std::error::Error as _;
use std::iter::{Empty, empty};

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::de::value::{self, MapDeserializer};

use crate::Problem;
use crate::field_error::FieldError;

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
        if parts.uri.query().is_none_or(str::is_empty)
            && let Ok(nothing) = T::deserialize(no_parameters())
        {
            return Ok(Self(nothing));
        }
        Query::try_from_uri(&parts.uri)
            .map(|Query(query)| Self(query))
            .map_err(|rejection| complain(&rejection))
    }
}

/// What most calls come with.
fn no_parameters() -> MapDeserializer<'static, Empty<(&'static str, &'static str)>, value::Error> {
    MapDeserializer::new(empty())
}

fn complain(rejection: &QueryRejection) -> Problem {
    // The error with its path stands at the end of the chain of axum's.
    let mut link = rejection.source();
    while let Some(error) = link {
        if let Some(error) = error.downcast_ref::<serde_path_to_error::Error<value::Error>>() {
            let FieldError { field, complaint } =
                FieldError::new(error.path(), &error.inner().to_string());
            return Problem::invalid_query(&field, complaint);
        }
        link = error.source();
    }
    Problem::invalid_query(".", format!("is refused: {rejection}"))
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

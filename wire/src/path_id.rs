//! Ids in a request's path, parsed where they arrive.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::Problem;
use crate::dispatch::{TakenRoute, decoded_id};
use crate::field_error::in_words;

/// The one id in a path.
#[derive(Clone, Debug)]
pub struct PathId<A>(pub A);

/// The two ids in a path, in the order in which they stand there.
#[derive(Clone, Debug)]
pub struct PathIds<A, B>(pub A, pub B);

/// The three ids in a path, in the order in which they stand there.
#[derive(Clone, Debug)]
pub struct ThreePathIds<A, B, C>(pub A, pub B, pub C);

impl<S, A> FromRequestParts<S> for PathId<A>
where
    S: Send + Sync,
    A: FromStr<Err: Display>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(parse(parts, 0)?))
    }
}

impl<S, A, B> FromRequestParts<S> for PathIds<A, B>
where
    S: Send + Sync,
    A: FromStr<Err: Display>,
    B: FromStr<Err: Display>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(parse(parts, 0)?, parse(parts, 1)?))
    }
}

impl<S, A, B, C> FromRequestParts<S> for ThreePathIds<A, B, C>
where
    S: Send + Sync,
    A: FromStr<Err: Display>,
    B: FromStr<Err: Display>,
    C: FromStr<Err: Display>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(parse(parts, 0)?, parse(parts, 1)?, parse(parts, 2)?))
    }
}

fn parse<A: FromStr<Err: Display>>(parts: &Parts, index: usize) -> Result<A, Problem> {
    let route = parts.extensions.get::<TakenRoute>();
    let Some((name, text)) = route.and_then(|route| route.id(index, parts.uri.path())) else {
        tracing::error!(index, "this route has fewer ids in its path than its handler asks for");
        return Err(Problem::internal());
    };
    let Some(text) = decoded_id(text) else {
        let complaint = "is not UTF-8 once its percent signs are decoded";
        return Err(Problem::invalid_id(name, complaint));
    };
    text.parse().map_err(|error: A::Err| Problem::invalid_id(name, in_words(&error.to_string())))
}

#[cfg(test)]
mod tests {
    use axum::Router;

    use super::*;
    use crate::Routes;
    use crate::test_request::get;

    fn router() -> Router {
        let show = async |PathIds(account, entry): PathIds<u8, u8>| format!("{account} {entry}");
        Routes::new().open("/accounts/{account_id}/entries/{entry_id}", show).finish()
    }

    #[tokio::test]
    async fn ids_are_parsed_in_their_order() {
        assert_eq!(get("/accounts/7/entries/8").send(router()).await.text(), "7 8");
    }

    #[tokio::test]
    async fn a_bad_id_is_named_as_the_route_names_it() {
        let first = get("/accounts/x/entries/8").send(router()).await;
        let first = first.is_problem(400, "invalid-id");
        let said = "The segment account_id of the path must be a whole number, not negative. Correct \
                    it and send the request again.";
        assert_eq!((&first["field"], &first["detail"]), (&"account_id".into(), &said.into()));
        let second = get("/accounts/7/entries/%00").send(router()).await;
        assert_eq!(second.is_problem(400, "invalid-id")["field"], "entry_id");
        for (uri, field) in
            [("/accounts/%ff/entries/8", "account_id"), ("/accounts/7/entries/%ff", "entry_id")]
        {
            let not_utf8 = get(uri).send(router()).await;
            assert_eq!(not_utf8.is_problem(400, "invalid-id")["field"], field);
        }
    }
}

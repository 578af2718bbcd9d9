//! Who may make a call, said where the call is routed: `put(only(&[Role::Shopper], redeem))`.
//!
//! The page of routes then shows every permission, and a route without `only` stands out. A caller
//! is turned away before anything else of the request is read.
//!
//! A part of this very process may call a router without a key, by putting a [`Caller`] into the
//! request's extensions, which nothing that comes over a network can set.

use std::future::{Ready, ready};

use axum::extract::{FromRef, FromRequestParts, Request};
use axum::handler::Handler;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use axum::response::{IntoResponse, Response};
use tokio_util::either::Either;

use crate::traceparent::read_traceparent;
use crate::{KeyRing, Problem, Role};

/// `handler`, for callers whose key has one of these roles. Others get 401 or 403. The keys are
/// those of the router's state; the handler learns who called by taking a [`Caller`]. One that the
/// request's extensions hold already is asked for its role, and for no key.
pub const fn only<H>(roles: &'static [Role], handler: H) -> Only<H> {
    Only { roles, handler }
}

/// A handler behind a check of the caller's key; made by [`only`].
#[derive(Clone, Copy)]
pub struct Only<H> {
    roles: &'static [Role],
    handler: H,
}

/// Who makes the request, and in which trace: for the metadata of the events that come of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The role of the key that the request bears.
    pub role: Role,
    /// The W3C trace context that it came with, where that is valid.
    pub traceparent: Option<Box<str>>,
}

impl<H, T, S> Handler<T, S> for Only<H>
where
    H: Handler<T, S>,
    KeyRing: FromRef<S>,
{
    type Future = Either<Ready<Response>, H::Future>;

    fn call(self, mut request: Request, state: S) -> Self::Future {
        let known = caller(request.extensions())
            .map_or_else(|| identify(&KeyRing::from_ref(&state), request.headers()), Ok);
        match known.and_then(|caller| admit(self.roles, caller)) {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
                Either::Right(self.handler.call(request, state))
            }
            Err(problem) => Either::Left(ready(problem.into_response())),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        caller(&parts.extensions).ok_or_else(|| {
            tracing::error!(uri = %parts.uri, "this route asks who calls, but lacks `only`");
            Problem::internal()
        })
    }
}

fn caller(extensions: &Extensions) -> Option<Caller> {
    extensions.get::<Caller>().cloned()
}

fn identify(keys: &KeyRing, headers: &HeaderMap) -> Result<Caller, Problem> {
    let key = bearer_key(headers).ok_or_else(|| {
        Problem::unauthorized(
            "The request bears no key, or not in this form. Send one header Authorization: Bearer \
             KEY.",
        )
    })?;
    let role = keys.role_of(key).ok_or_else(|| {
        Problem::unauthorized(
            "This ledger does not know the key. Send one that its operator gave out.",
        )
    })?;
    Ok(Caller { role, traceparent: read_traceparent(headers).map(Into::into) })
}

/// Whether the key that a request bore is let in still, in the same role: for answers that go on
/// for long.
#[must_use]
pub fn is_known_still(keys: &KeyRing, headers: &HeaderMap, role: Role) -> bool {
    bearer_key(headers).and_then(|key| keys.role_of(key)) == Some(role)
}

fn admit(allowed: &[Role], caller: Caller) -> Result<Caller, Problem> {
    if allowed.contains(&caller.role) {
        Ok(caller)
    } else {
        Err(Problem::forbidden(caller.role, allowed))
    }
}

/// The key of the one `Authorization: Bearer KEY`. Two such headers could mean two callers, so
/// they count as none.
fn bearer_key(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let (scheme, key) = line.to_str().ok()?.split_once(' ')?;
    let key = key.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::{get, put};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::KeyHash;
    use crate::test_request::{Ask, put as ask_put};

    async fn redeem(caller: Caller) -> String {
        format!("a {} redeems", caller.role)
    }

    fn router() -> Router {
        let keys = [("key-of-ann", Role::Shopper), ("key-of-shop", Role::Merchant)];
        let ring: KeyRing = keys.map(|(key, role)| (KeyHash::of(key), role)).into_iter().collect();
        Router::new()
            .route("/exchanges", put(only(&[Role::Shopper, Role::Operator], redeem)))
            .route("/open", get(redeem))
            .with_state(ring)
    }

    fn ask() -> Ask {
        ask_put("/exchanges")
    }

    #[tokio::test]
    async fn the_right_role_is_let_in_and_the_handler_knows_it() {
        for line in ["Bearer key-of-ann", "bearer  key-of-ann"] {
            let answer = ask().header("authorization", line).send(router()).await;
            assert_eq!(answer.text(), "a shopper redeems");
        }
    }

    #[tokio::test]
    async fn a_missing_malformed_or_unknown_key_is_401() {
        let lines = ["", "Bearer", "Bearer ", "Basic key-of-ann", "key-of-ann", "Bearer nobody"];
        for line in lines {
            let answer = ask().header("authorization", line).send(router()).await;
            answer.is_problem(401, "unauthorized");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
        ask().send(router()).await.is_problem(401, "unauthorized");
        let twice = ask().header("authorization", "Bearer key-of-ann");
        let twice = twice.header("authorization", "Bearer key-of-ann");
        twice.send(router()).await.is_problem(401, "unauthorized");
    }

    #[tokio::test]
    async fn the_wrong_role_is_403_and_names_the_right_ones() {
        let answer = ask().header("authorization", "Bearer key-of-shop").send(router()).await;
        let problem = answer.is_problem(403, "forbidden");
        assert_eq!(problem["role"], "merchant");
        assert_eq!(problem["allowed"], serde_json::json!(["shopper", "operator"]));
    }

    #[tokio::test]
    async fn a_part_of_this_process_calls_without_a_key_and_as_no_more_than_it_says() {
        let call = |role| {
            // Its word counts, and not that of a key beside it.
            let asked = ask().header("authorization", "Bearer key-of-ann");
            asked.extension(Caller { role, traceparent: None }).send(router())
        };
        assert_eq!(call(Role::Operator).await.text(), "a operator redeems");
        let refused = call(Role::Warehouse).await;
        assert_eq!(refused.is_problem(403, "forbidden")["role"], "warehouse");
    }

    /// Whatever a client writes onto the connection, it needs a key.
    #[tokio::test]
    async fn nothing_that_comes_over_a_network_sets_the_caller() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let server = tokio::spawn(axum::serve(listener, router()).into_future());
        let said = r#"{"role":"operator","traceparent":null}"#;
        let names = ["caller", "x-caller", "extensions", "role", "authorize", "x-forwarded-role"];
        let lines: Vec<String> = names
            .iter()
            .flat_map(|name| [format!("{name}: operator\r\n"), format!("{name}: {said}\r\n")])
            .collect();
        let length = said.len();
        for (target, lines) in [
            ("/exchanges", String::new()),
            ("/exchanges", lines.concat()),
            ("/exchanges?caller=operator&role=operator", lines.concat()),
            ("http://operator@x/exchanges", lines.concat()),
        ] {
            let mut client = TcpStream::connect(address).await.expect("connected");
            let request = format!(
                "PUT {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{lines}\
                 content-length: {length}\r\n\r\n{said}"
            );
            client.write_all(request.as_bytes()).await.expect("sent");
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.expect("answered");
            assert!(answer.starts_with("HTTP/1.1 401 "), "{target}: {answer}");
        }
        server.abort();
    }

    #[tokio::test]
    async fn a_route_that_forgot_only_does_not_let_its_handler_run() {
        let answer = crate::test_request::get("/open").send(router()).await;
        answer.is_problem(500, "internal");
    }
}

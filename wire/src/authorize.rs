//! Who may make a call, beside the route: `put(only(&[Role::Shopper], redeem).about(Account))`.
//!
//! The page of routes then shows every permission, and a route without `only` stands out. A caller
//! is turned away before anything else of the request is read.
//!
//! A role says what a key may do. A key may be narrowed to a part of that: by scopes, and by an
//! account that it is bound to. A key with an account or with the scope `offers` or `warehouses`
//! reaches only routes that declare an [`About`].
//!
//! What a call wouldn't heed is refused after that: see `unheeded.rs`.

use std::future::ready;

use axum::extract::Request;
use axum::handler::Handler;
use axum::http::Method;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::IntoResponse;

use crate::caller::{
    Marked, SeenCaller, SeenRoute, Unidentified, caller, identify, read_traceparent,
};
use crate::dispatch::{Answering, TakenRoute, decoded};
use crate::guerdon_reason::read_reason;
use crate::prefer::Preferences;
use crate::request_id::read_request_id;
use crate::scope::{OFFERS, READ_ONLY};
use crate::unheeded::Heeds;
use crate::{About, ApiKey, Caller, Guard, HasKeys, Problem, Role};

/// `handler`, for callers whose key has one of these roles. Others get 401 or 403. The keys are
/// those of the router's state; the handler learns who called by taking a [`Caller`]. A [`Caller`]
/// in the extensions needs the role, but no key.
pub const fn only<H>(roles: &'static [Role], handler: H) -> Only<H> {
    let heeds = Heeds { query: false, versions: false };
    Only { roles, about: None, heeds, is_list: false, handler }
}

/// A handler behind a check of the caller's key; made by [`only`].
#[derive(Clone, Copy)]
pub struct Only<H> {
    roles: &'static [Role],
    about: Option<About>,
    heeds: Heeds,
    is_list: bool,
    handler: H,
}

impl<H> Only<H> {
    /// Lets the caller in, whom the handler then finds in the extensions.
    fn admit(
        &self,
        known: Result<Caller, Problem>,
        parts: &mut Parts,
        state: &impl HasKeys,
    ) -> Result<(), Problem> {
        SeenRoute::tell(&parts.extensions);
        let reason = read_reason(&parts.headers);
        let caller = match &reason {
            Ok(Some(reason)) => known?.with_reason(reason),
            Ok(None) | Err(_) => known?,
        };
        SeenCaller::tell(&parts.extensions, &caller);
        let mut caller = admit(self.roles, self.about, caller, parts)?;
        caller.is_marked |= parts.extensions.get::<Marked>().is_some();
        self.heeds.check(parts)?;
        reason?;
        if let Some(overload) = state.overload() {
            overload.check_read(self.is_list, caller.role)?;
        }
        parts.extensions.insert(caller);
        Ok(())
    }

    /// Who may call, and what the call heeds.
    pub(crate) fn guard(&self) -> Guard {
        let Self { roles, about, heeds, is_list: _, handler: _ } = self;
        let Heeds { query: reads_query, versions: has_versions } = *heeds;
        Guard { roles, about: *about, reads_query, has_versions }
    }

    /// The same, also for keys that are narrowed to what the route is about.
    #[must_use]
    pub fn about(self, about: About) -> Self {
        Self { about: Some(about), ..self }
    }

    /// The same, for a call that reads a query. Any other call refuses parameters.
    #[must_use]
    pub fn with_query(mut self) -> Self {
        self.heeds.query = true;
        self
    }

    /// The same, for a list. Of what is read, lists are refused first where too much is asked.
    #[must_use]
    pub fn as_list(mut self) -> Self {
        self.is_list = true;
        self
    }

    /// The same, for a call that changes something with versions, and reads [`Precondition`].
    ///
    /// [`Precondition`]: crate::Precondition
    #[must_use]
    pub fn with_versions(mut self) -> Self {
        self.heeds.versions = true;
        self
    }
}

/// Put into a request's extensions, lets in operators and auditors alone, whatever the route: for
/// an address that is kept free for them.
#[derive(Clone, Copy, Debug)]
pub struct ForOperators;

/// Put into a request's extensions, lets in whoever has no key, as an operator, or, where operators
/// may not call, as the first role that may: for a ledger that only its own machine reaches. A
/// caller with a key is let in as what the key is.
#[derive(Clone, Copy, Debug)]
pub struct NoAuthentication;

/// The roles that [`ForOperators`] lets in.
const FOR_OPERATORS: &[Role] = &[Role::Operator, Role::Auditor];

impl<H, T, S> Handler<T, S> for Only<H>
where
    H: Handler<T, S, Future = Answering>,
    S: HasKeys + Send + 'static,
{
    type Future = Answering;

    fn call(self, request: Request, state: S) -> Answering {
        let (mut parts, body) = request.into_parts();
        let known = caller(&parts.extensions)
            .or_else(|| anyone(self.roles, &parts))
            .map_or_else(|| identify(state.keys(), &parts.headers), Ok);
        let known = match known {
            Err(Unidentified::TokenKeyUnknown(tokens)) => {
                return Box::pin(async move {
                    let has_looked = tokens.look_again().await;
                    let known = identify(state.keys(), &parts.headers);
                    match self.admit(
                        known.map_err(|why| why.problem(has_looked)),
                        &mut parts,
                        &state,
                    ) {
                        Ok(()) => self.handler.call(Request::from_parts(parts, body), state).await,
                        Err(problem) => problem.into_response(),
                    }
                });
            }
            known => known.map_err(|why| why.problem(true)),
        };
        match self.admit(known, &mut parts, &state) {
            Ok(()) => self.handler.call(Request::from_parts(parts, body), state),
            Err(problem) => Box::pin(ready(problem.into_response())),
        }
    }
}

/// Who calls without a key where none is needed.
fn anyone(roles: &[Role], parts: &Parts) -> Option<Caller> {
    parts.extensions.get::<NoAuthentication>()?;
    if parts.headers.contains_key(AUTHORIZATION) {
        return None;
    }
    let role = if roles.contains(&Role::Operator) { Role::Operator } else { *roles.first()? };
    let caller = Caller::of_this_process(role, read_traceparent(&parts.headers).map(Into::into));
    let request_id = read_request_id(&parts.headers).map(Into::into);
    let Preferences { wait, responds_async } = Preferences::of(&parts.headers);
    Some(Caller { request_id, wait, responds_async, ..caller })
}

fn admit(
    roles: &[Role],
    about: Option<About>,
    caller: Caller,
    parts: &Parts,
) -> Result<Caller, Problem> {
    if !roles.contains(&caller.role) {
        return Err(Problem::forbidden(caller.role, roles));
    }
    if parts.extensions.get::<ForOperators>().is_some() && !FOR_OPERATORS.contains(&caller.role) {
        return Err(Problem::forbidden(caller.role, FOR_OPERATORS));
    }
    if let Some(key) = &caller.key {
        check_scopes(key, about, &parts.method)?;
        check_account(key, about, parts)?;
    }
    Ok(caller)
}

fn check_scopes(key: &ApiKey, about: Option<About>, method: &Method) -> Result<(), Problem> {
    let is_read = method == Method::GET || method == Method::HEAD;
    if key.scopes.read_only && !is_read {
        return Err(Problem::forbidden_by_scope(key.role, READ_ONLY));
    }
    if key.scopes.offers && about != Some(About::Offers) {
        return Err(Problem::forbidden_by_scope(key.role, OFFERS));
    }
    let is_for_warehouses = match about {
        Some(About::Shipping | About::Offers | About::Programme) => true,
        Some(About::Account) | None => false,
    };
    match key.scopes.warehouses_text() {
        Some(scope) if !is_for_warehouses => Err(Problem::forbidden_by_scope(key.role, &scope)),
        _ => Ok(()),
    }
}

/// A key that is bound to an account reaches this account, offers and the programme's terms.
fn check_account(key: &ApiKey, about: Option<About>, parts: &Parts) -> Result<(), Problem> {
    let Some(own) = &key.account_id else { return Ok(()) };
    match about {
        Some(About::Account) if is_account(own, parts)? => Ok(()),
        Some(About::Account) => Err(Problem::not_found(
            "This key gives access to no account with this id. Check the account's id.",
        )),
        Some(About::Offers | About::Programme) => Ok(()),
        Some(About::Shipping) | None => Err(Problem::forbidden_by_account(key.role)),
    }
}

/// Whether this is the account in the path.
fn is_account(account_id: &str, parts: &Parts) -> Result<bool, Problem> {
    let route = parts.extensions.get::<TakenRoute>();
    let Some(asked) = route.and_then(|route| route.id_named("account_id", parts.uri.path())) else {
        tracing::error!(uri = %parts.uri, "this route is about an account, but its path has none");
        return Err(Problem::internal());
    };
    // A text that isn't UTF-8 is nobody's id.
    Ok(decoded(asked).is_some_and(|asked| asked == account_id))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::{get, put};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::test_request::{Answer, Ask, ask as ask_by, get as ask_get, put as ask_put};
    use crate::{KeyHash, KeyRing, Routes};

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
            asked.extension(Caller::of_this_process(role, None)).send(router())
        };
        assert_eq!(call(Role::Operator).await.text(), "a operator redeems");
        let refused = call(Role::Warehouse).await;
        assert_eq!(refused.is_problem(403, "forbidden")["role"], "warehouse");
    }

    #[tokio::test]
    async fn an_address_for_operators_lets_in_no_other() {
        let ring = [("of-ann", Role::Shopper), ("of-otto", Role::Operator)];
        let ring: KeyRing = ring.map(|(key, role)| (KeyHash::of(key), role)).into_iter().collect();
        let route = put(only(&[Role::Shopper, Role::Operator], redeem));
        let router = Router::new().route("/exchanges", route).with_state(ring);
        let router = router.layer(axum::Extension(ForOperators));
        let call = async |key: &str| {
            ask().header("authorization", &format!("Bearer {key}")).send(router.clone()).await
        };
        assert_eq!(call("of-otto").await.text(), "a operator redeems");
        let refused = call("of-ann").await.is_problem(403, "forbidden");
        assert_eq!(refused["allowed"], serde_json::json!(["operator", "auditor"]));
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

    #[tokio::test]
    async fn without_authentication_a_call_without_a_key_is_made_by_who_may_make_it() {
        let ring = KeyRing::from_iter([(KeyHash::of("m"), Role::Merchant)]);
        let who = async |caller: Caller| caller.role.to_string();
        let router = Router::new()
            .route("/any", get(only(Role::ALL, who)))
            .route("/holds", put(only(&[Role::Shopper], who)))
            .with_state(ring)
            .layer(axum::Extension(NoAuthentication));
        for (method, path, key, expected) in [
            ("GET", "/any", None, (200, "operator")),
            ("PUT", "/holds", None, (200, "shopper")),
            ("GET", "/any", Some("Bearer m"), (200, "merchant")),
            ("PUT", "/holds", Some("Bearer m"), (403, "")),
            ("GET", "/any", Some("Bearer unknown"), (401, "")),
        ] {
            let mut asked = ask_by(method, path);
            if let Some(key) = key {
                asked = asked.header("authorization", key);
            }
            let answer = asked.send(router.clone()).await;
            assert_eq!(answer.status.as_u16(), expected.0, "{method} {path} {key:?}");
            assert!(expected.1.is_empty() || answer.text() == expected.1, "{}", answer.text());
        }
    }

    /// A key, and what narrows it.
    fn narrowed(role: Role, scopes: &str, account_id: Option<&str>) -> (KeyHash, ApiKey) {
        let key = ApiKey {
            scopes: scopes.parse().expect("scopes"),
            account_id: account_id.map(Into::into),
            ..ApiKey::of_role(role)
        };
        (KeyHash::of("narrowed"), key)
    }

    /// Asks each route with a narrowed key, and gives the statuses.
    async fn statuses(key: (KeyHash, ApiKey)) -> [u16; 6] {
        let ring = KeyRing::from_iter([key]);
        let show =
            async |caller: Caller| caller.check_warehouse("main").map(|()| caller.role.to_string());
        let get = |about| crate::get(only(Role::ALL, show).about(about));
        let router = Routes::new()
            .route("/accounts/{account_id}", get(About::Account))
            .route("/offers", get(About::Offers))
            .route("/offers", crate::put(only(Role::ALL, show).about(About::Offers)))
            .route("/policy", get(About::Programme))
            .route("/shipping", get(About::Shipping))
            .route("/totals", crate::get(only(Role::ALL, show)))
            .with_state(ring)
            .finish();
        let asked = [
            ("GET", "/accounts/ann"),
            ("GET", "/offers"),
            ("PUT", "/offers"),
            ("GET", "/policy"),
            ("GET", "/shipping"),
            ("GET", "/totals"),
        ];
        let mut statuses = [0; 6];
        for (status, (method, path)) in statuses.iter_mut().zip(asked) {
            let asked = ask_by(method, path).header("authorization", "Bearer narrowed");
            *status = asked.send(router.clone()).await.status.as_u16();
        }
        statuses
    }

    #[tokio::test]
    async fn a_scope_takes_away_what_it_does_not_name() {
        for (role, scopes, account_id, expected) in [
            (Role::Operator, "", None, [200, 200, 200, 200, 200, 200]),
            (Role::Operator, "read-only", None, [200, 200, 403, 200, 200, 200]),
            (Role::Operator, "offers", None, [403, 200, 200, 403, 403, 403]),
            (Role::Operator, "read-only offers", None, [403, 200, 403, 403, 403, 403]),
            (Role::Warehouse, "warehouses:main,east", None, [403, 200, 200, 200, 200, 403]),
            // The handlers here are about the warehouse main, whatever the route is about.
            (Role::Warehouse, "warehouses:east", None, [403, 403, 403, 403, 403, 403]),
            (Role::Shopper, "", Some("ann"), [200, 200, 200, 200, 403, 403]),
            (Role::Shopper, "", Some("bob"), [404, 200, 200, 200, 403, 403]),
        ] {
            let key = narrowed(role, scopes, account_id);
            assert_eq!(statuses(key).await, expected, "{role} {scopes} {account_id:?}");
        }
    }

    #[tokio::test]
    async fn a_problem_names_the_scope_that_forbids_the_call() {
        let send = async |key: (KeyHash, ApiKey)| -> Answer {
            let route = put(only(&[Role::Operator, Role::Warehouse], redeem));
            let router = Router::new().route("/x", route).with_state(KeyRing::from_iter([key]));
            ask_put("/x").header("authorization", "Bearer narrowed").send(router).await
        };
        for (role, scope) in [
            (Role::Operator, "read-only"),
            (Role::Operator, "offers"),
            (Role::Warehouse, "warehouses:east,main"),
        ] {
            let answer = send(narrowed(role, scope, None)).await;
            let problem = answer.is_problem(403, "forbidden");
            assert_eq!(problem["scope"], scope);
            assert_eq!(problem["role"], role.as_str());
        }
    }

    #[tokio::test]
    async fn an_account_is_found_in_the_path_however_it_is_written_and_nested() {
        let router = || {
            let get = crate::get(only(Role::ALL, redeem).about(About::Account));
            let inner = Routes::new().route("/holds/{hold_id}", get);
            Routes::new()
                .nest("/accounts/{account_id}", inner)
                .with_state(KeyRing::from_iter([narrowed(Role::Shopper, "", Some("a:n"))]))
                .finish()
        };
        let status = async |path: &str| {
            let asked = ask_get(path).header("authorization", "Bearer narrowed");
            asked.send(router()).await.status.as_u16()
        };
        for (path, expected) in [
            ("/accounts/a:n/holds/1", 200),
            ("/accounts/a%3An/holds/1", 200),
            ("/accounts/a/holds/a:n", 404),
            ("/accounts/%ff/holds/1", 404),
            ("/accounts/a%3An%00/holds/1", 404),
        ] {
            assert_eq!(status(path).await, expected, "{path}");
        }
    }

    #[tokio::test]
    async fn an_ended_key_is_401_and_no_longer_known() {
        let ended = ApiKey { ends_at: Some(1), ..ApiKey::of_role(Role::Shopper) };
        let ring = KeyRing::from_iter([(KeyHash::of("old"), ended)]);
        let router =
            Router::new().route("/x", put(only(&[Role::Shopper], redeem))).with_state(ring.clone());
        let answer = ask_put("/x").header("authorization", "Bearer old").send(router).await;
        let problem = answer.is_problem(401, "unauthorized");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("expired")));
    }
}

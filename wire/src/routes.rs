//! Routes together with the table of them: which call may be made by whom.
//!
//! axum's router can't be asked for what is in it. These can, and they take no call without
//! [`only`](crate::only), unless it is [opened to everyone](Routes::open). So the table in
//! `docs/SECURITY.md` is made from what a process serves, and not kept by hand.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::Method;

use crate::authorize::Only;
use crate::dispatch::{Answering, Answers, Calls, Dispatch, answers};
use crate::{About, HasKeys, Role};

/// Routes of a part, whose handlers share the state `S`.
#[derive(Clone)]
pub struct Routes<S = ()> {
    calls: Vec<Calls<S>>,
    table: Vec<Route>,
}

/// A call that can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path, as in `/v1/accounts/{account_id}`.
    pub path: String,
    /// Who may make it; `None` means everyone, also without a key.
    pub guard: Option<Guard>,
}

/// Who may make a call, and what it heeds besides its path and body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The roles that may.
    pub roles: &'static [Role],
    /// What the call is about, for keys that are narrowed.
    pub about: Option<About>,
    /// Whether it reads a query.
    pub reads_query: bool,
    /// Whether it reads `If-Match` and `If-None-Match`.
    pub has_versions: bool,
}

/// The calls on one path, each by its method.
#[derive(Clone)]
pub struct Methods<S = ()> {
    by_method: Vec<(Method, Arc<dyn Answers<S>>)>,
    guards: Vec<(Method, Guard)>,
}

/// The calls of a path that is got by these callers.
pub fn get<H, T, S>(handler: Only<H>) -> Methods<S>
where
    H: Handler<T, S, Future = Answering>,
    T: 'static,
    S: HasKeys + Clone + Send + Sync + 'static,
{
    Methods::none().get(handler)
}

/// The calls of a path to which these callers post.
pub fn post<H, T, S>(handler: Only<H>) -> Methods<S>
where
    H: Handler<T, S, Future = Answering>,
    T: 'static,
    S: HasKeys + Clone + Send + Sync + 'static,
{
    Methods::none().post(handler)
}

/// The calls of a path to which these callers put.
pub fn put<H, T, S>(handler: Only<H>) -> Methods<S>
where
    H: Handler<T, S, Future = Answering>,
    T: 'static,
    S: HasKeys + Clone + Send + Sync + 'static,
{
    Methods::none().on(Method::PUT, handler)
}

impl<S: Clone + Send + Sync + 'static> Methods<S> {
    fn none() -> Self {
        Self { by_method: vec![], guards: vec![] }
    }

    fn on<H, T>(self, method: Method, handler: Only<H>) -> Self
    where
        H: Handler<T, S, Future = Answering>,
        T: 'static,
        S: HasKeys,
    {
        let Self { mut by_method, mut guards } = self;
        guards.push((method.clone(), handler.guard()));
        by_method.push((method, answers(handler)));
        Self { by_method, guards }
    }

    /// The same path, which can be got, too.
    #[must_use]
    pub fn get<H, T>(self, handler: Only<H>) -> Self
    where
        H: Handler<T, S, Future = Answering>,
        T: 'static,
        S: HasKeys,
    {
        self.on(Method::GET, handler)
    }

    /// The same path, which can be posted to, too.
    #[must_use]
    pub fn post<H, T>(self, handler: Only<H>) -> Self
    where
        H: Handler<T, S, Future = Answering>,
        T: 'static,
        S: HasKeys,
    {
        self.on(Method::POST, handler)
    }

    /// The same path, which can be patched, too.
    #[must_use]
    pub fn patch<H, T>(self, handler: Only<H>) -> Self
    where
        H: Handler<T, S, Future = Answering>,
        T: 'static,
        S: HasKeys,
    {
        self.on(Method::PATCH, handler)
    }

    /// The same path, which can be deleted, too.
    #[must_use]
    pub fn delete<H, T>(self, handler: Only<H>) -> Self
    where
        H: Handler<T, S, Future = Answering>,
        T: 'static,
        S: HasKeys,
    {
        self.on(Method::DELETE, handler)
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes as yet.
    #[must_use]
    pub fn new() -> Self {
        Self { calls: vec![], table: vec![] }
    }

    /// These, and the calls on one more path.
    #[must_use]
    pub fn route(self, path: &str, methods: Methods<S>) -> Self {
        let Self { mut calls, mut table } = self;
        let Methods { by_method, guards } = methods;
        let rows = guards.into_iter().map(|(method, guard)| Route {
            method,
            path: path.to_owned(),
            guard: Some(guard),
        });
        table.extend(rows);
        calls.push(Calls { path: path.to_owned(), by_method });
        Self { calls, table }
    }

    /// These, and a path that everyone may get, also without a key.
    #[must_use]
    pub fn open<H, T>(self, path: &str, handler: H) -> Self
    where
        H: Handler<T, S, Future = Answering>,
        T: 'static,
    {
        let Self { mut calls, mut table } = self;
        table.push(Route { method: Method::GET, path: path.to_owned(), guard: None });
        let by_method = vec![(Method::GET, answers(handler))];
        calls.push(Calls { path: path.to_owned(), by_method });
        Self { calls, table }
    }

    /// These, and others below a path.
    #[must_use]
    pub fn nest(self, path: &str, inner: Self) -> Self {
        let Self { mut calls, mut table } = self;
        let below = |inner: &str| format!("{path}{}", if inner == "/" { "" } else { inner });
        let rows = inner.table.into_iter();
        table.extend(rows.map(|row| Route { path: below(&row.path), ..row }));
        let inner = inner.calls.into_iter();
        calls.extend(inner.map(|of_path| Calls { path: below(&of_path.path), ..of_path }));
        Self { calls, table }
    }

    /// These and others.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let Self { mut calls, mut table } = self;
        table.extend(other.table);
        calls.extend(other.calls);
        Self { calls, table }
    }

    /// These, with the state of their handlers.
    #[must_use]
    pub fn with_state<S2: 'static>(self, state: S) -> Routes<S2> {
        let Self { calls, table } = self;
        let calls = calls.into_iter().map(|of_path| of_path.with_state(&state)).collect();
        Routes { calls, table }
    }

    /// The calls that can be made, in the order in which they were added.
    #[must_use]
    pub fn table(&self) -> &[Route] {
        &self.table
    }
}

impl Routes {
    /// What answers the calls, and with a problem document what is none of them.
    #[must_use]
    pub fn dispatch(self) -> Dispatch {
        Dispatch::new(self.calls)
    }

    /// The same as a router, for whoever has use for one.
    pub fn finish(self) -> Router {
        let dispatch = self.dispatch();
        Router::new().fallback(async move |request: Request| {
            dispatch.answer(dispatch.find(request.uri().path()), request).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Caller, KeyHash, KeyRing, only};

    #[derive(Clone)]
    struct Api(KeyRing);

    impl HasKeys for Api {
        fn keys(&self) -> &KeyRing {
            &self.0
        }
    }

    async fn show(caller: Caller) -> String {
        caller.role.to_string()
    }

    fn routes() -> Routes {
        let keys = [(KeyHash::of("of-otto"), Role::Operator)].into_iter().collect();
        let inner = Routes::new()
            .route("/", get(only(&[Role::Shopper], show).about(About::Account)))
            .route("/lots", get(only(&[Role::Auditor], show).with_query()));
        Routes::new()
            .nest("/v1/accounts/{account_id}", inner)
            .route("/v1/x", put(only(&[Role::Operator], show)).patch(only(Role::ALL, show)))
            .with_state(Api(keys))
            .merge(Routes::new().open("/health", async || "well"))
    }

    #[test]
    fn the_table_names_every_call_with_whoever_may_make_it() {
        let rows = routes();
        let rows = rows.table().iter().map(|route| {
            let roles = route.guard.map(|guard| guard.roles.len());
            (route.method.as_str(), route.path.as_str(), roles)
        });
        let expected = [
            ("GET", "/v1/accounts/{account_id}", Some(1)),
            ("GET", "/v1/accounts/{account_id}/lots", Some(1)),
            ("PUT", "/v1/x", Some(1)),
            ("PATCH", "/v1/x", Some(5)),
            ("GET", "/health", None),
        ];
        assert_eq!(rows.collect::<Vec<_>>(), expected);
    }

    #[tokio::test]
    async fn every_call_of_the_table_is_answered() {
        for route in routes().table() {
            let path = route.path.replace("{account_id}", "ann");
            let asked = crate::test_request::ask(route.method.as_str(), &path);
            let status = asked.send(routes().finish()).await.status.as_u16();
            let expected = if route.guard.is_some() { 401 } else { 200 };
            assert_eq!(status, expected, "{route:?}");
        }
        let asked = crate::test_request::put("/v1/x").header("authorization", "Bearer of-otto");
        assert_eq!(asked.send(routes().finish()).await.text(), "operator");
    }
}

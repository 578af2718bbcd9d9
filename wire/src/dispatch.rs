//! Finds the call that a request makes, and has it answered; with a problem document where there is
//! no such call, or where a handler panics.
//!
//! It is one look at the path, one at the method and one future on the heap: axum's router would
//! copy the handler for each request, and each of its layers again.

use std::any::Any;
use std::borrow::Cow;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::header::{ALLOW, CONTENT_LENGTH};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use percent_encoding::percent_decode_str;

use crate::Problem;

/// What a handler gives: that of every asynchronous function is one.
pub type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A handler, whatever it takes of a request.
pub(crate) trait Answers<S>: Send + Sync {
    fn answer(&self, request: Request, state: S) -> Answering;
}

/// A handler that takes `T` of a request.
struct Taking<H, T>(H, std::marker::PhantomData<fn(T)>);

/// A handler that has its state.
struct Stated<S>(Arc<dyn Answers<S>>, S);

/// The calls of a path.
#[derive(Clone)]
pub(crate) struct Calls<S> {
    pub(crate) path: String,
    pub(crate) by_method: Vec<(Method, Arc<dyn Answers<S>>)>,
}

/// Answers requests. Clones share it.
#[derive(Clone)]
pub struct Dispatch(Arc<Found>);

struct Found {
    numbers: matchit::Router<usize>,
    routes: Vec<FoundRoute>,
}

struct FoundRoute {
    route: TakenRoute,
    by_method: Vec<(Method, Arc<dyn Answers<()>>)>,
    /// The methods that there are.
    allow: HeaderValue,
}

/// The route that a request takes, in the request's extensions.
#[derive(Clone, Debug)]
pub struct TakenRoute(Arc<Declared>);

#[derive(Debug)]
struct Declared {
    path: Box<str>,
    ids: Box<[DeclaredId]>,
}

/// An id in a path.
#[derive(Debug)]
struct DeclaredId {
    name: Box<str>,
    /// The number of slashes before it.
    slashes: usize,
    /// Whether it goes on to the path's end.
    is_rest: bool,
}

pub(crate) fn answers<H, T, S>(handler: H) -> Arc<dyn Answers<S>>
where
    H: Handler<T, S, Future = Answering> + Sync,
    T: 'static,
    S: 'static,
{
    Arc::new(Taking(handler, std::marker::PhantomData))
}

impl<H, T, S> Answers<S> for Taking<H, T>
where
    H: Handler<T, S, Future = Answering> + Sync,
{
    fn answer(&self, request: Request, state: S) -> Answering {
        self.0.clone().call(request, state)
    }
}

impl<S: Clone + Send + Sync, S2> Answers<S2> for Stated<S> {
    fn answer(&self, request: Request, _: S2) -> Answering {
        self.0.answer(request, self.1.clone())
    }
}

impl<S: Clone + Send + Sync + 'static> Calls<S> {
    pub(crate) fn with_state<S2: 'static>(self, state: &S) -> Calls<S2> {
        let by_method = self.by_method.into_iter().map(|(method, handler)| {
            let stated: Arc<dyn Answers<S2>> = Arc::new(Stated(handler, state.clone()));
            (method, stated)
        });
        Calls { path: self.path, by_method: by_method.collect() }
    }
}

impl Dispatch {
    /// Of these calls. One that is there twice, or whose path can't be told from another's, is left
    /// out; a test makes every call.
    pub(crate) fn new(all: Vec<Calls<()>>) -> Self {
        let mut found = Found { numbers: matchit::Router::new(), routes: vec![] };
        for Calls { path, by_method } in all {
            let known = found.routes.iter().position(|known| *known.route.path() == *path);
            let number = known.unwrap_or(found.routes.len());
            if known.is_none() {
                if let Err(error) = found.numbers.insert(path.as_str(), number) {
                    tracing::error!(path, %error, "a route can't be told from another");
                    continue;
                }
                let route = TakenRoute(Arc::new(Declared::new(path)));
                let allow = HeaderValue::from_static("");
                found.routes.push(FoundRoute { route, by_method: vec![], allow });
            }
            if let Some(route) = found.routes.get_mut(number) {
                by_method.into_iter().for_each(|(method, handler)| route.add(method, handler));
            }
        }
        Self(Arc::new(found))
    }

    /// The paths as they are declared, by their numbers.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.routes.iter().map(|found| found.route.path())
    }

    /// The number of the route for a path.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<usize> {
        self.0.numbers.at(path).ok().map(|found| *found.value)
    }

    /// Answers a request, for which this route was found.
    pub async fn answer(&self, route: Option<usize>, request: Request) -> Response {
        let is_head = request.method() == Method::HEAD;
        let mut answering = pin!(self.call(route, request));
        let answered = poll_fn(|context| {
            let polled = AssertUnwindSafe(|| answering.as_mut().poll(context));
            match catch_unwind(polled) {
                Ok(polled) => polled,
                Err(panic) => panicked(&*panic).into(),
            }
        });
        let answer = answered.await;
        if is_head { without_body(answer) } else { answer }
    }

    async fn call(&self, route: Option<usize>, mut request: Request) -> Response {
        let Some(found) = route.and_then(|number| self.0.routes.get(number)) else {
            return Problem::no_such_route(request.uri().path()).into_response();
        };
        let method = request.method();
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let handler = found.by_method.iter().find(|(of, _)| of == method);
        let Some((_, handler)) = handler else {
            let problem = Problem::method_not_allowed(request.method());
            return problem.header(ALLOW, found.allow.clone()).into_response();
        };
        request.extensions_mut().insert(found.route.clone());
        handler.answer(request, ()).await
    }
}

impl FoundRoute {
    fn add(&mut self, method: Method, handler: Arc<dyn Answers<()>>) {
        if self.by_method.iter().any(|(known, _)| *known == method) {
            tracing::error!(path = self.route.path(), %method, "a call is declared twice");
            return;
        }
        self.by_method.push((method, handler));
        let also_head = |method: &Method| if *method == Method::GET { "GET,HEAD" } else { "" };
        let names = self.by_method.iter().map(|(method, _)| match also_head(method) {
            "" => method.as_str(),
            both => both,
        });
        let names = names.collect::<Vec<_>>().join(",");
        // Names of methods and commas are a header's value.
        self.allow = HeaderValue::try_from(names).unwrap_or(HeaderValue::from_static("GET"));
    }
}

impl TakenRoute {
    /// Its path as it is declared: `/v1/accounts/{account_id}`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The name of the id that stands at this index in the path, and its text in a request's path.
    pub(crate) fn id<'p>(&self, index: usize, path: &'p str) -> Option<(&str, &'p str)> {
        let DeclaredId { name, slashes, is_rest } = self.0.ids.get(index)?;
        let mut slashes_before = 0;
        let begin = path.bytes().position(|byte| {
            slashes_before += usize::from(byte == b'/');
            slashes_before == *slashes
        });
        let text = path.get(begin? + 1..)?;
        let end = text.bytes().position(|byte| byte == b'/').filter(|_| !is_rest);
        Some((name, text.get(..end.unwrap_or(text.len()))?))
    }

    /// The text of the id of this name in a request's path.
    pub(crate) fn id_named<'p>(&self, name: &str, path: &'p str) -> Option<&'p str> {
        let index = self.0.ids.iter().position(|id| *id.name == *name)?;
        self.id(index, path).map(|(_, text)| text)
    }
}

impl Declared {
    fn new(path: String) -> Self {
        let segments = path.split('/').enumerate();
        let ids = segments.filter_map(|(slashes, segment)| {
            let name = segment.strip_prefix('{')?.strip_suffix('}')?;
            let (is_rest, name) = name.strip_prefix('*').map_or((false, name), |rest| (true, rest));
            Some(DeclaredId { name: name.into(), slashes, is_rest })
        });
        let ids = ids.collect();
        Self { path: path.into(), ids }
    }
}

/// The id that a segment of a path is, without percent-encoding: many clients write its colon as
/// `%3A`. Nothing where that isn't UTF-8, which no id is.
#[must_use]
pub fn decoded_id(segment: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(segment).decode_utf8().ok()
}

/// The answer to `HEAD`: that to `GET` without its body, but with the body's length. A 304 has no
/// body, and the length of that which it stands for isn't known here (RFC 9110, 8.6).
fn without_body(answer: Response) -> Response {
    let has_body = answer.status() != StatusCode::NOT_MODIFIED;
    let length = answer.body().size_hint().exact().filter(|_| has_body);
    let mut answer = answer.map(|_| Body::empty());
    if let Some(length) = length {
        answer.headers_mut().entry(CONTENT_LENGTH).or_insert(length.into());
    }
    answer
}

/// The answer where a handler panicked.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("(no text)"), "a handler panicked");
    Problem::internal().into_response()
}

#[cfg(test)]
mod tests {
    use axum::Router;

    use super::*;
    use crate::test_request::{ask, get};
    use crate::{PathId, PathIds, Role, Routes, only};

    fn router() -> Router {
        let ring = crate::KeyRing::from_iter([(crate::KeyHash::of("otto"), Role::Operator)]);
        let put = || only(&[Role::Operator], async |PathId(id): PathId<String>| id);
        let inner = Routes::new()
            .open("/", async |PathId(id): PathId<String>| format!("{id} itself"))
            .open("/lots", async |PathId(id): PathId<String>| format!("lots of {id}"));
        Routes::new()
            .nest("/accounts/{account_id}", inner)
            .route("/accounts/{account_id}", crate::put(put()))
            .open("/log/{partition}/tile/{*tile}", async |ids: PathIds<u8, String>| {
                format!("{} of {}", ids.1, ids.0)
            })
            .open("/panic", async || -> &'static str { panic!("on purpose") })
            .with_state(ring)
            .finish()
    }

    #[tokio::test]
    async fn a_call_is_found_by_its_path_and_its_method() {
        for (path, text) in [
            ("/accounts/a%3An", "a:n itself"),
            ("/accounts/%C3%BC%zz%", "ü%zz% itself"),
            ("/accounts/ann/lots", "lots of ann"),
            ("/accounts/lots", "lots itself"),
            ("/log/3/tile/0/x001/234", "0/x001/234 of 3"),
        ] {
            assert_eq!(get(path).send(router()).await.text(), text);
        }
        let put = ask("PUT", "/accounts/ann").header("authorization", "Bearer otto");
        assert_eq!(put.send(router()).await.text(), "ann");
        for path in ["/", "/accounts", "/accounts/", "/accounts/ann/", "/eight"] {
            get(path).send(router()).await.is_problem(404, "no-such-route");
        }
    }

    #[tokio::test]
    async fn an_unknown_method_is_405_and_says_which_are_known() {
        let answer = ask("DELETE", "/accounts/ann").send(router()).await;
        answer.is_problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), "GET,HEAD,PUT");
    }

    #[tokio::test]
    async fn head_is_answered_as_get_is_without_the_body() {
        let answer = ask("HEAD", "/accounts/ann/lots").send(router()).await;
        assert_eq!((answer.text().as_str(), answer.header("content-length")), ("", "11"));
        let unknown = ask("HEAD", "/eight").send(router()).await;
        assert_eq!((unknown.status.as_u16(), unknown.body.len()), (404, 0));
        let known = without_body(StatusCode::NOT_MODIFIED.into_response());
        assert!(!known.headers().contains_key(CONTENT_LENGTH), "its body would have another one");
    }

    #[tokio::test]
    async fn a_panic_is_500_and_no_more() {
        get("/panic").send(router()).await.is_problem(500, "internal");
        assert_eq!(get("/accounts/ann/lots").send(router()).await.text(), "lots of ann");
    }
}

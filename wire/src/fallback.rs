//! The answers to what no handler of an axum router takes: unknown routes and methods, and a
//! handler's panic.

use std::any::Any;

use axum::Router;
use axum::http::{Method, Uri};
use axum::response::Response;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{Problem, dispatch};

/// The router with a problem document for each of these.
pub fn finish<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router
        .method_not_allowed_fallback(async |method: Method| Problem::method_not_allowed(&method))
        .fallback(async |uri: Uri| Problem::no_such_route(uri.path()))
        .layer(CatchPanicLayer::custom(panicked))
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over so")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    dispatch::panicked(&*panic)
}

#[cfg(test)]
mod tests {
    use axum::routing::get as route_get;

    use super::*;
    use crate::test_request::{ask, get};

    fn router() -> Router {
        let router = Router::new()
            .route("/seven", route_get(async || "7"))
            .route("/panic", route_get(async || -> &str { panic!("on purpose") }));
        finish(router)
    }

    #[tokio::test]
    async fn an_unknown_route_is_404() {
        get("/eight").send(router()).await.is_problem(404, "no-such-route");
    }

    #[tokio::test]
    async fn an_unknown_method_is_405_and_says_which_are_known() {
        let answer = ask("DELETE", "/seven").send(router()).await;
        answer.is_problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), "GET,HEAD");
    }

    #[tokio::test]
    async fn a_panic_is_500_and_no_more() {
        get("/panic").send(router()).await.is_problem(500, "internal");
        assert_eq!(get("/seven").send(router()).await.text(), "7");
    }
}

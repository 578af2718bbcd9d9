//! What answers the requests of one address: the ledger's routes, for whoever may call there.

use std::convert::Infallible;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use tokio::time::Instant;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::cors::CorsLayer;
use wire::ForOperators;

use super::edge::Edge;
use super::front::Front;

/// The desk of an address. Clones share it.
#[derive(Clone)]
pub(super) struct Desk {
    front: Front,
    pub(super) edge: Edge,
    /// Lets web pages in, too.
    pages: Option<CorsLayer>,
    is_for_operators: bool,
}

impl Desk {
    /// That for everybody.
    pub(super) fn for_clients(front: Front, edge: Edge) -> Self {
        Self { pages: edge.pages(), front, edge, is_for_operators: false }
    }

    /// That for operators.
    pub(super) fn for_operators(front: Front, edge: Edge) -> Self {
        Self { pages: None, front, edge, is_for_operators: true }
    }

    /// Answers a request that came at this time.
    pub(super) async fn answer(&self, request: Request, begun: Instant) -> Response {
        let Some(pages) = &self.pages else { return self.let_in(request, begun).await };
        let desk = self.clone();
        let inner = service_fn(move |request: Request| {
            let desk = desk.clone();
            async move { Ok::<_, Infallible>(desk.let_in(request, begun).await) }
        });
        // A box, so that the futures of those without pages don't grow by it.
        let Ok(answer) = Box::pin(pages.layer(inner).oneshot(request)).await;
        answer
    }

    async fn let_in(&self, mut request: Request, begun: Instant) -> Response {
        if let Err(problem) = self.edge.let_in(&mut request) {
            return problem.into_response();
        }
        if self.is_for_operators {
            request.extensions_mut().insert(ForOperators);
        }
        self.front.answer(request, begun).await
    }
}

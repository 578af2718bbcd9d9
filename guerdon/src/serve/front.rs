//! What answers until the ledger has started, which may wait for a lock or for a log to be read:
//! health, which says what the start is at, and for all else that the caller must come again.

use std::sync::{Arc, OnceLock};

use axum::Json;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use parking_lot::Mutex;
use serde_json::json;
use tokio::time::Instant;

use super::metrics::CountedRoutes;

/// What the start is at.
#[derive(Clone, Debug, Default)]
pub(super) struct Step(Arc<Mutex<&'static str>>);

impl Step {
    pub(super) fn set(&self, step: &'static str) {
        tracing::debug!(step, "starting");
        *self.0.lock() = step;
    }
}

/// The ledger's routes, once there are any. Clones share them.
#[derive(Clone)]
pub(super) struct Front {
    ledger: Arc<OnceLock<CountedRoutes>>,
    step: Step,
}

impl Front {
    /// Says what the start is at, until there are routes.
    pub(super) fn new(step: &Step) -> Self {
        Self { ledger: Arc::default(), step: step.clone() }
    }

    /// Answers a request that came at this time.
    pub(super) async fn answer(&self, request: Request, begun: Instant) -> Response {
        match self.ledger.get() {
            Some(routes) => routes.answer(request, begun).await,
            None => self.starting(request.uri().path()),
        }
    }

    /// The ledger has started. From here on only the connections keep its routes, and so its parts.
    pub(super) fn begins(self, ledger: CountedRoutes) {
        // There is one start.
        drop(self.ledger.set(ledger));
    }

    fn starting(&self, path: &str) -> Response {
        match path {
            "/health/live" => Json(json!({"status": "live"})).into_response(),
            "/health/ready" => {
                let step = *self.step.0.lock();
                let body =
                    json!({"status": "not-ready", "reasons": ["starting"], "starting": step});
                (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
            }
            _ => command_api::starting().into_response(),
        }
    }
}

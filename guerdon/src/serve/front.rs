//! What answers until the ledger has started, which may wait for a lock or for a log to be read:
//! health, which says what the start is at, and for all else that the caller must come again.

use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::json;
use tower::{ServiceExt as _, service_fn};

/// What the start is at.
#[derive(Clone, Debug, Default)]
pub(super) struct Step(Arc<Mutex<&'static str>>);

impl Step {
    pub(super) fn set(&self, step: &'static str) {
        tracing::debug!(step, "starting");
        *self.0.lock() = step;
    }
}

/// The ledger's routes, once there are any.
#[derive(Clone, Debug, Default)]
pub(super) struct Front {
    ledger: Arc<OnceLock<Router>>,
}

impl Front {
    /// The routes to answer with from now on.
    pub(super) fn router(&self, step: &Step) -> Router {
        let (ledger, starting) = (Arc::clone(&self.ledger), starting(step.clone()));
        let answer = move |request: Request<Body>| {
            ledger.get().unwrap_or(&starting).clone().oneshot(request)
        };
        Router::new().fallback_service(service_fn(answer))
    }

    /// The ledger has started. From here on only the connections keep its routes, and so its parts.
    pub(super) fn begins(self, ledger: Router) {
        // There is one start.
        drop(self.ledger.set(ledger));
    }
}

fn starting(step: Step) -> Router {
    let ready = async move || {
        let body =
            json!({"status": "not-ready", "reasons": ["starting"], "starting": *step.0.lock()});
        (StatusCode::SERVICE_UNAVAILABLE, Json(body))
    };
    Router::new()
        .route("/health/live", get(async || Json(json!({"status": "live"}))))
        .route("/health/ready", get(ready))
        .fallback(async || command_api::starting())
}

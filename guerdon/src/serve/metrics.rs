//! `GET /metrics`: the numbers of all parts that run in this process, as Prometheus reads them.
//!
//! Each part declares its own metrics in its `metrics.rs`; this file owns the registry.
//! `docs/operations/metrics.md` lists all of them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use publisher::{Publisher, PublisherMetrics};
use wire::Role::{Auditor, Operator};
use wire::{KeyRing, Problem, only};

/// The text form of `OpenMetrics`.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The registry, and the parts whose numbers are read at each scrape.
#[derive(Default)]
pub(super) struct Metrics {
    registry: Registry,
    publisher: Option<(PublisherMetrics, Publisher)>,
}

#[derive(Clone)]
struct MetricsApi {
    metrics: Arc<Metrics>,
    keys: KeyRing,
}

impl Metrics {
    pub(super) fn add_publisher(&mut self, publisher: Publisher) {
        let metrics = PublisherMetrics::register(&mut self.registry);
        self.publisher = Some((metrics, publisher));
    }

    pub(super) fn router(self, keys: KeyRing) -> Router {
        Router::new()
            .route("/metrics", get(only(&[Operator, Auditor], get_metrics)))
            .with_state(MetricsApi { metrics: Arc::new(self), keys })
    }
}

async fn get_metrics(State(api): State<MetricsApi>) -> Result<Response, Problem> {
    if let Some((metrics, publisher)) = &api.metrics.publisher {
        metrics.read(publisher).await;
    }
    let mut encoded = String::new();
    text::encode(&mut encoded, &api.metrics.registry).map_err(|error| {
        tracing::error!(%error, "can't write the metrics");
        Problem::internal()
    })?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], encoded).into_response())
}

impl FromRef<MetricsApi> for KeyRing {
    fn from_ref(api: &MetricsApi) -> Self {
        api.keys.clone()
    }
}

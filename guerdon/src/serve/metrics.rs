//! `GET /metrics`: the numbers of all parts that run in this process, as Prometheus reads them.
//!
//! Each part declares its own metrics in its `metrics.rs`; this file owns the registry.
//! `docs/operations/metrics.md` lists all of them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{FromRef, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use command_api::CommandMetrics;
use event_store::EventStore;
use projector::{Projector, ProjectorMetrics};
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use publisher::{Publisher, PublisherMetrics};
use query_api::QueryMetrics;
use wire::Role::{Auditor, Operator};
use wire::{KeyRing, Problem, Routes, get, only};

use crate::output::lost_lines;

/// The text form of `OpenMetrics`.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The registry, and the parts whose numbers are read at each scrape.
pub(super) struct Metrics {
    registry: Registry,
    lost_lines: Counter,
    projector: Option<ProjectorNumbers>,
    publisher: Option<PublisherNumbers>,
}

struct ProjectorNumbers {
    metrics: ProjectorMetrics,
    store: EventStore,
}

struct PublisherNumbers {
    metrics: PublisherMetrics,
    publisher: Publisher,
}

#[derive(Clone)]
struct MetricsApi {
    metrics: Arc<Metrics>,
    keys: KeyRing,
}

/// Registers what this process counts by itself.
fn register_lost_lines(registry: &mut Registry) -> Counter {
    let lost_lines = Counter::default();
    let help = "Lines of the log, and of what is printed, that could not be written";
    registry.register("guerdon_lost_lines", help, lost_lines.clone());
    lost_lines
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::default();
        let lost_lines = register_lost_lines(&mut registry);
        Self { registry, lost_lines, projector: None, publisher: None }
    }

    /// Registers the command API's metrics, for its writers.
    pub(super) fn commands(&mut self) -> CommandMetrics {
        let metrics = CommandMetrics::default();
        metrics.register(&mut self.registry);
        metrics
    }

    pub(super) fn add_projector(&mut self, projector: &Projector, store: EventStore) {
        let metrics = ProjectorMetrics::register(&mut self.registry, projector.statuses());
        self.projector = Some(ProjectorNumbers { metrics, store });
    }

    pub(super) fn add_query_api(&mut self, metrics: &QueryMetrics) {
        metrics.register(&mut self.registry);
    }

    pub(super) fn add_publisher(&mut self, publisher: Publisher) {
        let metrics = PublisherMetrics::register(&mut self.registry);
        self.publisher = Some(PublisherNumbers { metrics, publisher });
    }

    pub(super) fn routes(self, keys: KeyRing) -> Routes {
        Routes::new()
            .route("/metrics", get(only(&[Operator, Auditor], get_metrics)))
            .with_state(MetricsApi { metrics: Arc::new(self), keys })
    }

    /// Reads the numbers that the parts don't have at hand.
    async fn read(&self) {
        self.lost_lines.inner().store(lost_lines(), Ordering::Relaxed);
        if let Some(ProjectorNumbers { metrics, store }) = &self.projector {
            metrics.read(store).await;
        }
        if let Some(PublisherNumbers { metrics, publisher }) = &self.publisher {
            metrics.read(publisher).await;
        }
    }
}

async fn get_metrics(State(api): State<MetricsApi>) -> Result<Response, Problem> {
    api.metrics.read().await;
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use log_record::{Epoch, Partition, Position};
    use projector::ProjectionStatus;
    use tokio::sync::watch;

    use super::*;

    const PAGE: &str = include_str!("../../../docs/operations/metrics.md");

    /// The metrics of all parts, by the names that Prometheus shows.
    fn registered() -> BTreeSet<String> {
        let mut registry = Registry::default();
        let status = watch::Sender::new(ProjectionStatus::default());
        ProjectorMetrics::register(&mut registry, vec![status.subscribe()]);
        QueryMetrics::default().register(&mut registry);
        let commands = CommandMetrics::default();
        commands.register(&mut registry);
        commands.start(Partition(0), Epoch(1), Position(1));
        PublisherMetrics::register(&mut registry);
        register_lost_lines(&mut registry);
        let mut encoded = String::new();
        text::encode(&mut encoded, &registry).expect("encoded");
        let types = encoded.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let names = types.map(|line| match line.split_once(' ') {
            Some((name, "counter")) => format!("{name}_total"),
            Some((name, _)) => name.to_owned(),
            None => panic!("a type without a name: {line}"),
        });
        names.collect()
    }

    #[test]
    fn every_registered_metric_is_documented_and_no_other() {
        let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `guerdon_"));
        let documented = rows.filter_map(|row| row.split_once('`'));
        let documented = documented.map(|(name, _)| format!("guerdon_{name}"));
        assert_eq!(documented.collect::<BTreeSet<_>>(), registered());
    }
}

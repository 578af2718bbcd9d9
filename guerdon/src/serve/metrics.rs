//! `GET /metrics`: the numbers of all parts that run in this process, as Prometheus reads them.
//!
//! Each part declares its own metrics in its `metrics.rs`; this file owns the registry, `http.rs`
//! counts requests, `process.rs` asks the system, `state_of_health.rs` is what `/health/ready` says
//! as numbers. `docs/operations/metrics.md` lists all of them, which a test compares.

mod connections;
mod erasures;
mod http;
mod limits;
mod lost_lines;
mod process;
mod reconciliation;
mod state_of_health;
mod switches;

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use command_api::CommandMetrics;
use event_store::EventStore;
use projector::{Projector, ProjectorMetrics};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use publisher::{Publisher, PublisherMetrics};
use query_api::QueryMetrics;
use sealer::{Sealer, SealerMetrics};
use wire::Role::{Auditor, Operator};
use wire::{HasKeys, KeyRing, Problem, Routes, get, only};

use self::connections::ConnectionMetrics;
pub(super) use self::erasures::ErasureMetrics;
pub(super) use self::http::CountedRoutes;
use self::http::HttpMetrics;
pub(super) use self::limits::LimitMetrics;
use self::lost_lines::LostLineMetrics;
use self::process::ProcessMetrics;
pub(super) use self::reconciliation::ReconciliationMetrics;
use self::state_of_health::HealthMetrics;
pub(super) use self::switches::SwitchMetrics;
use super::connections::OpenConnections;
use super::health::WatchedHealth;

/// The text form of `OpenMetrics`.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The registry, and the parts whose numbers are read at each scrape.
pub(super) struct Metrics {
    registry: Registry,
    left_out: Family<Part, Counter>,
    http: HttpMetrics,
    health: HealthMetrics,
    commands: Option<CommandMetrics>,
    projector: Option<ProjectorMetrics>,
    publisher: Option<(PublisherMetrics, Publisher)>,
    sealer: Option<SealerMetrics>,
}

type Part = [(&'static str, &'static str); 1];

/// The parts whose numbers are read at a scrape, and may be left out of it.
const READ_PARTS: [&str; 4] = ["health", "projector", "publisher", "sealer"];

#[derive(Clone)]
struct MetricsApi {
    metrics: Arc<Metrics>,
    health: Arc<WatchedHealth>,
    keys: KeyRing,
}

impl Metrics {
    /// The metrics of a process that reads this log and has these connections.
    pub(super) fn new(store: &EventStore, connections: Vec<OpenConnections>) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(ProcessMetrics::of_this_start()));
        registry.register_collector(Box::new(ConnectionMetrics(connections)));
        registry.register_collector(Box::new(LostLineMetrics));
        register_build(&mut registry, store);
        Self {
            left_out: register_left_out(&mut registry),
            http: HttpMetrics::register(&mut registry),
            health: HealthMetrics::register(&mut registry),
            registry,
            commands: None,
            projector: None,
            publisher: None,
            sealer: None,
        }
    }

    /// Counts what HTTP answers.
    pub(super) fn http(&self) -> HttpMetrics {
        self.http.clone()
    }

    /// Registers the command API's metrics, for its writers.
    pub(super) fn commands(&mut self) -> CommandMetrics {
        let metrics = CommandMetrics::default();
        metrics.register(&mut self.registry);
        self.commands = Some(metrics.clone());
        metrics
    }

    pub(super) fn add_projector(&mut self, projector: &Projector, store: EventStore) {
        self.projector = Some(ProjectorMetrics::register(&mut self.registry, projector, store));
    }

    pub(super) fn add_sealer(&mut self, sealer: &Sealer) {
        self.sealer = Some(SealerMetrics::register(&mut self.registry, sealer));
    }

    pub(super) fn add_query_api(&mut self, metrics: &QueryMetrics) {
        metrics.register(&mut self.registry);
    }

    pub(super) fn add_publisher(&mut self, publisher: Publisher) {
        self.publisher = Some((PublisherMetrics::register(&mut self.registry), publisher));
    }

    /// Registers what is read only when it is written.
    pub(super) fn add(&mut self, numbers: impl Collector) {
        self.registry.register_collector(Box::new(numbers));
    }

    pub(super) fn routes(self, health: Arc<WatchedHealth>, keys: KeyRing) -> Routes {
        Routes::new()
            .route("/metrics", get(only(&[Operator, Auditor], get_metrics).never_limited()))
            .with_state(MetricsApi { metrics: Arc::new(self), health, keys })
    }

    /// Reads the numbers that the parts don't have at hand.
    async fn read(&self, health: &Arc<WatchedHealth>) {
        if let Some(metrics) = &self.commands {
            metrics.read();
        }
        let projector = read(self.projector.as_ref().map(ProjectorMetrics::read));
        let publisher = self.publisher.as_ref();
        let publisher = read(publisher.map(|(metrics, publisher)| metrics.read(publisher)));
        let sealer = read(self.sealer.as_ref().map(SealerMetrics::read));
        // All at once, because each may wait for a server that is away, but not for long.
        let (health, projector, publisher, sealer) =
            tokio::join!(self.health.read(health), projector, publisher, sealer);
        let are_whole = [health, projector, publisher, sealer];
        for (part, is_whole) in READ_PARTS.into_iter().zip(are_whole) {
            self.left_out.get_or_create(&[("part", part)]).inc_by(u64::from(!is_whole));
        }
    }
}

/// Whether a part's numbers could be read. A part that doesn't run has none.
async fn read(reading: Option<impl Future<Output = bool>>) -> bool {
    match reading {
        Some(reading) => reading.await,
        None => true,
    }
}

/// Registers how often a part's numbers were not there in time.
fn register_left_out(registry: &mut Registry) -> Family<Part, Counter> {
    let left_out = Family::<Part, Counter>::default();
    let help = "scrapes without some of a part's numbers, which could not be read in time";
    registry.register("guerdon_left_out_scrapes", help, left_out.clone());
    left_out
}

/// Registers what stays as it is until the process ends.
fn register_build(registry: &mut Registry, store: &EventStore) {
    let build = Family::<[(&str, &str); 1], Gauge>::default();
    build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
    registry.register("guerdon_build_info", "the version that runs; always 1", build);
    let partitions = Gauge::<i64>::default();
    partitions.set(store.partitions().into());
    registry.register("guerdon_log_partitions", "partitions of the log", partitions);
}

async fn get_metrics(State(api): State<MetricsApi>) -> Result<Response, Problem> {
    api.metrics.read(&api.health).await;
    let mut encoded = String::new();
    text::encode(&mut encoded, &api.metrics.registry).map_err(|error| {
        tracing::error!(%error, "can't write the metrics");
        Problem::internal()
    })?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], encoded).into_response())
}

impl HasKeys for MetricsApi {
    fn keys(&self) -> &KeyRing {
        &self.keys
    }
}

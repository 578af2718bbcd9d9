//! Those who watch a ledger while it is measured: a collector that takes its traces, and a
//! Prometheus that reads its metrics.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::ensure;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::connection::{Ask, Connection};

/// The share of traces that the collector gets.
const TRACE_SHARE: &str = "0.01";

/// How often metrics are read: three times as often as a Prometheus does by itself.
const READ_EVERY: Duration = Duration::from_secs(5);

/// It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Collector {
    address: SocketAddr,
    bytes: Arc<AtomicU64>,
    _serving: JoinSet<()>,
}

impl Collector {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, bytes) = (listener.local_addr()?, Arc::<AtomicU64>::default());
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&bytes));
        let mut serving = JoinSet::new();
        serving.spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { address, bytes, _serving: serving })
    }

    /// With which a ledger sends it traces.
    pub(crate) fn options(&self) -> [String; 4] {
        let url = format!("http://{}", self.address);
        ["--otlp".into(), url, "--trace-share".into(), TRACE_SHARE.into()]
    }

    /// Fails where no traces came.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        ensure!(self.bytes.load(Ordering::Relaxed) > 0, "the collector got no traces");
        Ok(())
    }
}

/// An empty answer says that all spans were taken.
async fn take(State(bytes): State<Arc<AtomicU64>>, spans: Bytes) {
    bytes.fetch_add(spans.len() as u64, Ordering::Relaxed);
}

/// It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct MetricsReader {
    bytes: Arc<AtomicU64>,
    _reading: JoinSet<()>,
}

impl MetricsReader {
    pub(crate) async fn start(address: SocketAddr, key: &str) -> anyhow::Result<Self> {
        let (mut connection, key) = (Connection::open(address).await?, key.to_owned());
        let bytes = Arc::<AtomicU64>::default();
        let (counted, mut reading) = (Arc::clone(&bytes), JoinSet::new());
        reading.spawn(async move {
            let mut ticks = interval(READ_EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if connection.must(200, Ask::get("/metrics", &key)).await.is_err() {
                    return;
                }
                counted.fetch_add(connection.body().len() as u64, Ordering::Relaxed);
            }
        });
        Ok(Self { bytes, _reading: reading })
    }

    /// Fails where no metrics were read.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        ensure!(self.bytes.load(Ordering::Relaxed) > 0, "nobody could read the metrics");
        Ok(())
    }
}

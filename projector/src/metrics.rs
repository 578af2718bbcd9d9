//! The projector's metrics. `docs/operations/metrics.md` explains them.
//!
//! They are read at each scrape, and cost nothing while events are projected.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use event_store::EventStore;
use log_record::{Partition, Position};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::ProjectionStatus;

/// How long the log may take to give its heads.
const HEADS_MAX: Duration = Duration::from_secs(2);

/// A partition whose head isn't known.
const UNKNOWN: u64 = u64::MAX;

/// The projector's metrics, one set for each partition. Clones are the same.
#[derive(Clone, Debug)]
pub struct ProjectorMetrics(Arc<[PartitionMetrics]>);

#[derive(Debug)]
struct PartitionMetrics {
    status: watch::Receiver<ProjectionStatus>,
    /// The position of the log's last event, or [`UNKNOWN`].
    head: AtomicU64,
}

impl ProjectorMetrics {
    /// Registers the metrics of a projector, whose partitions have these statuses.
    pub fn register(
        registry: &mut Registry,
        statuses: Vec<watch::Receiver<ProjectionStatus>>,
    ) -> Self {
        let partitions = statuses.into_iter();
        let partitions =
            partitions.map(|status| PartitionMetrics { status, head: AtomicU64::new(UNKNOWN) });
        let metrics = Self(partitions.collect());
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    /// Reads the log's heads, from which the lag follows. Without an answer there is no lag.
    pub async fn read(&self, store: &EventStore) {
        for (number, partition) in (0..).zip(self.0.iter()) {
            let head = tokio::time::timeout(HEADS_MAX, store.head(Partition(number))).await;
            let head = head.ok().and_then(Result::ok).map_or(UNKNOWN, |head| head.position.0);
            partition.head.store(head, Ordering::Relaxed);
        }
    }
}

impl PartitionMetrics {
    fn position(&self) -> u64 {
        self.status.borrow().position.0
    }

    /// The number of events that are not projected yet.
    fn lag(&self) -> Option<u64> {
        let head = self.head.load(Ordering::Relaxed);
        (head != UNKNOWN).then(|| Position(head).since(Position(self.position())))
    }

    fn is_running(&self) -> bool {
        let status = self.status.borrow();
        status.stopped.is_none() && status.failing.is_none()
    }
}

impl Collector for ProjectorMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let name = "guerdon_projector_position";
        let help = "position of the last projected event";
        self.gauges(&mut encoder, name, help, |it| Some(it.position()))?;
        let name = "guerdon_projector_lag_events";
        let help = "events of the log that are not projected yet";
        self.gauges(&mut encoder, name, help, PartitionMetrics::lag)?;
        let name = "guerdon_projector_running";
        let help = "1 while a partition is projected, 0 while that fails or is stopped";
        self.gauges(&mut encoder, name, help, |it| Some(it.is_running().into()))
    }
}

impl ProjectorMetrics {
    fn gauges(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        value: impl Fn(&PartitionMetrics) -> Option<u64>,
    ) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (number, partition) in self.0.iter().enumerate() {
            let Some(value) = value(partition) else { continue };
            let labels = [("partition", number.to_string())];
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            ConstGauge::new(value).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

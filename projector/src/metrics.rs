//! The projector's metrics. `docs/operations/metrics.md` explains them.
//!
//! All but one are read at each scrape, and cost nothing while events are projected; how long it
//! takes to write is noted once for each batch.

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
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use trace::unix_micros;

use crate::{ProjectionStatus, Projector};

/// How long the log may take to say how far all its partitions are.
const READ_MAX: Duration = Duration::from_secs(2);

/// What isn't known.
const UNKNOWN: u64 = u64::MAX;

/// The projector's metrics, one set for each partition. Clones are the same.
#[derive(Clone, Debug)]
pub struct ProjectorMetrics(Arc<[PartitionMetrics]>);

#[derive(Debug)]
struct PartitionMetrics {
    status: watch::Receiver<ProjectionStatus>,
    /// The position of the log's last event, or [`UNKNOWN`].
    head: AtomicU64,
    /// For how many milliseconds the first event that isn't projected has been recorded; 0 where
    /// all are, or [`UNKNOWN`].
    behind_ms: AtomicU64,
}

/// How long batches took to be written. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct WriteTimes(pub(crate) Histogram);

impl Default for WriteTimes {
    /// From a millisecond to sixteen seconds: a batch may have thousands of events.
    fn default() -> Self {
        Self(Histogram::new(exponential_buckets(0.001, 2.0, 15)))
    }
}

impl ProjectorMetrics {
    /// Registers the metrics of a projector.
    pub fn register(registry: &mut Registry, projector: &Projector) -> Self {
        let help = "how long batches of events took to be written to the read tables";
        let (name, times) = ("guerdon_projector_write_duration", projector.write_times().0);
        registry.register_with_unit(name, help, Unit::Seconds, times);
        let partitions = projector.statuses().into_iter().map(|status| PartitionMetrics {
            status,
            head: AtomicU64::new(UNKNOWN),
            behind_ms: AtomicU64::new(UNKNOWN),
        });
        let metrics = Self(partitions.collect());
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    /// Reads the log's heads and the first events that aren't projected, from which the lags
    /// follow. Without an answer in time there is no lag; tells whether there were all.
    pub async fn read(&self, store: &EventStore) -> bool {
        let (until, mut is_whole) = (Instant::now() + READ_MAX, true);
        for (number, partition) in (0..).zip(self.0.iter()) {
            let read = timeout_at(until, partition.read(store, Partition(number)));
            let read = read.await.ok().flatten();
            is_whole &= read.is_some();
            let (head, behind_ms) = read.unwrap_or((UNKNOWN, UNKNOWN));
            partition.head.store(head, Ordering::Relaxed);
            partition.behind_ms.store(behind_ms, Ordering::Relaxed);
        }
        is_whole
    }
}

impl PartitionMetrics {
    /// The log's head, and for how long its first event that isn't projected has been there.
    async fn read(&self, store: &EventStore, partition: Partition) -> Option<(u64, u64)> {
        let head = store.head(partition).await.ok()?.position;
        let projected = Position(self.position());
        if head <= projected {
            return Some((head.0, 0));
        }
        let next = store.read(partition, projected, 1).await.ok()?;
        let age = next.first().map_or(0, |event| age_ms(event.recorded_at));
        Some((head.0, age))
    }

    fn position(&self) -> u64 {
        self.status.borrow().position.0
    }

    /// The number of events that are not projected yet.
    fn lag(&self) -> Option<u64> {
        self.head().map(|head| Position(head).since(Position(self.position())))
    }

    /// For how many seconds the first event that isn't projected yet has been recorded.
    fn lag_seconds(&self) -> Option<f64> {
        let behind = self.behind_ms.load(Ordering::Relaxed);
        (behind != UNKNOWN).then(|| Duration::from_millis(behind).as_secs_f64())
    }

    /// The position of the log's last event.
    fn head(&self) -> Option<u64> {
        Some(self.head.load(Ordering::Relaxed)).filter(|head| *head != UNKNOWN)
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
        let name = "guerdon_projector_lag";
        let help = "how long ago the first event was recorded that is not projected yet";
        let unit = Some(&Unit::Seconds);
        let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (number, partition) in self.0.iter().enumerate() {
            let Some(value) = partition.lag_seconds() else { continue };
            let labels = [("partition", number.to_string())];
            ConstGauge::new(value).encode(metric.encode_family(&labels)?)?;
        }
        let name = "guerdon_projector_log_head";
        let help = "position of the log's last event";
        self.gauges(&mut encoder, name, help, PartitionMetrics::head)?;
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

/// How long ago that was; 0 where another clock says that it is still to come.
fn age_ms(recorded_at: i64) -> u64 {
    let age = unix_micros().saturating_sub(recorded_at).max(0) / 1_000;
    age.unsigned_abs()
}

//! The projector's metrics. `docs/operations/metrics.md` explains them.
//!
//! All but one are read at each scrape, and cost nothing while events are projected; how long it
//! takes to write is noted once for each batch.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use event_store::{Behind, EventStore};
use log_record::{Partition, Position};
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use trace::age;

use crate::{ProjectionStatus, Projector};

/// How long the log may take to say how far all its partitions are.
const READ_MAX: Duration = Duration::from_secs(2);

/// The projector's metrics, one set for each partition. Clones are the same.
#[derive(Clone, Debug)]
pub struct ProjectorMetrics {
    store: EventStore,
    partitions: Arc<[PartitionMetrics]>,
}

#[derive(Debug)]
struct PartitionMetrics {
    status: watch::Receiver<ProjectionStatus>,
    /// How far it was behind the log; nothing where the log didn't say in time.
    behind: Mutex<Option<Behind>>,
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
    /// Registers the metrics of a projector of this log.
    pub fn register(registry: &mut Registry, projector: &Projector, store: EventStore) -> Self {
        let help = "how long batches of events took to be written to the read tables";
        let (name, times) = ("guerdon_projector_write_duration", projector.write_times().0);
        registry.register_with_unit(name, help, Unit::Seconds, times);
        let partitions = projector.statuses().into_iter();
        let partitions =
            partitions.map(|status| PartitionMetrics { status, behind: Mutex::default() });
        let metrics = Self { store, partitions: partitions.collect() };
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    /// Reads how far all partitions are behind the log. Without an answer in time there is no lag;
    /// tells whether there were all.
    pub async fn read(&self) -> bool {
        let (until, mut is_whole) = (Instant::now() + READ_MAX, true);
        for (number, partition) in (0..).zip(self.partitions.iter()) {
            let behind = self.store.behind(Partition(number), partition.position());
            let behind = timeout_at(until, behind).await.ok().and_then(Result::ok);
            is_whole &= behind.is_some();
            *partition.behind.lock() = behind;
        }
        is_whole
    }
}

impl PartitionMetrics {
    fn position(&self) -> Position {
        self.status.borrow().position
    }

    /// The number of events that are not projected yet.
    fn lag(&self) -> Option<u64> {
        Some((*self.behind.lock())?.head.since(self.position()))
    }

    /// For how many seconds the first event that isn't projected yet has been recorded.
    fn lag_seconds(&self) -> Option<f64> {
        let since = (*self.behind.lock())?.since;
        Some(since.map_or(Duration::ZERO, age).as_secs_f64())
    }

    /// The position of the log's last event.
    fn head(&self) -> Option<u64> {
        Some((*self.behind.lock())?.head.0)
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
        self.gauges(&mut encoder, name, help, |it| Some(it.position().0))?;
        let name = "guerdon_projector_lag_events";
        let help = "events of the log that are not projected yet";
        self.gauges(&mut encoder, name, help, PartitionMetrics::lag)?;
        let name = "guerdon_projector_lag";
        let help = "how long ago the first event was recorded that is not projected yet";
        let unit = Some(&Unit::Seconds);
        let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (number, partition) in self.partitions.iter().enumerate() {
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
        for (number, partition) in self.partitions.iter().enumerate() {
            let Some(value) = value(partition) else { continue };
            let labels = [("partition", number.to_string())];
            ConstGauge::new(value).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

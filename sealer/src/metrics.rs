//! The sealer's metrics. `docs/operations/metrics.md` explains them. They are read at each scrape.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use event_store::EventStore;
use log_record::{Partition, Position};
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use trace::unix_micros;

use crate::Sealer;
use crate::sealed::Sealed;

/// How long the log may take to say how far all its partitions are.
const READ_MAX: Duration = Duration::from_secs(2);

/// What isn't known.
const UNKNOWN: u64 = u64::MAX;

/// The sealer's metrics, one set for each partition. Clones are the same.
#[derive(Clone, Debug)]
pub struct SealerMetrics {
    partitions: Arc<[PartitionMetrics]>,
    answers: WitnessAnswers,
}

#[derive(Debug)]
struct PartitionMetrics {
    shown: watch::Receiver<Option<Sealed>>,
    cosigned: Option<watch::Receiver<u64>>,
    /// How many events aren't sealed, or [`UNKNOWN`].
    behind: AtomicU64,
    /// For how many milliseconds the first of them has been recorded, or [`UNKNOWN`].
    behind_ms: AtomicU64,
}

/// How often each witness answered what, by its name and that. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct WitnessAnswers(Arc<Mutex<BTreeMap<(String, &'static str), u64>>>);

impl WitnessAnswers {
    pub(crate) fn count(&self, witness: &str, answer: &'static str) {
        *self.0.lock().entry((witness.to_owned(), answer)).or_default() += 1;
    }
}

impl SealerMetrics {
    /// Registers the metrics of a sealer.
    pub fn register(registry: &mut Registry, sealer: &Sealer) -> Self {
        let shown = sealer.shown();
        let partitions = shown.iter().cloned().zip(sealer.cosigned()).map(|(shown, cosigned)| {
            PartitionMetrics {
                shown,
                cosigned,
                behind: AtomicU64::new(UNKNOWN),
                behind_ms: AtomicU64::new(UNKNOWN),
            }
        });
        let metrics = Self { partitions: partitions.collect(), answers: sealer.witness_answers() };
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    /// Reads the log's heads and the first events that aren't sealed. Without an answer in time
    /// nothing is told of how far sealing is behind; tells whether there were all.
    pub async fn read(&self, store: &EventStore) -> bool {
        let (until, mut is_whole) = (Instant::now() + READ_MAX, true);
        for (number, partition) in (0..).zip(self.partitions.iter()) {
            let read = timeout_at(until, partition.read(store, Partition(number)));
            let read = read.await.ok().flatten();
            is_whole &= read.is_some();
            let (behind, behind_ms) = read.unwrap_or((UNKNOWN, UNKNOWN));
            partition.behind.store(behind, Ordering::Relaxed);
            partition.behind_ms.store(behind_ms, Ordering::Relaxed);
        }
        is_whole
    }
}

impl PartitionMetrics {
    /// How many events aren't sealed, and for how long the first of them has been there.
    async fn read(&self, store: &EventStore, partition: Partition) -> Option<(u64, u64)> {
        let head = store.head(partition).await.ok()?.position;
        let sealed = Position(self.sealed());
        if head <= sealed {
            return Some((0, 0));
        }
        let next = store.read(partition, sealed, 1).await.ok()?;
        let age = |at: i64| (unix_micros().saturating_sub(at).max(0) / 1_000).unsigned_abs();
        Some((head.since(sealed), next.first().map_or(0, |event| age(event.recorded_at))))
    }

    fn sealed(&self) -> u64 {
        self.shown.borrow().as_ref().map_or(0, |sealed| sealed.size)
    }
}

impl Collector for SealerMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let name = "guerdon_sealed_events";
        let help = "events of the newest signed checkpoint";
        self.gauges(&mut encoder, name, help, |it| Some(it.sealed()))?;
        let name = "guerdon_cosigned_events";
        let help = "events of the newest checkpoint that enough witnesses signed";
        self.gauges(&mut encoder, name, help, |it| Some(*it.cosigned.as_ref()?.borrow()))?;
        let name = "guerdon_unsealed_events";
        let help = "events of the log that no signed checkpoint has yet";
        let known = |value: &AtomicU64| {
            Some(value.load(Ordering::Relaxed)).filter(|value| *value != UNKNOWN)
        };
        self.gauges(&mut encoder, name, help, |it| known(&it.behind))?;
        let name = "guerdon_unsealed";
        let help = "how long ago the first event was recorded that no signed checkpoint has yet";
        let unit = Some(&Unit::Seconds);
        let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (number, partition) in self.partitions.iter().enumerate() {
            let Some(millis) = known(&partition.behind_ms) else { continue };
            let labels = [("partition", number.to_string())];
            let seconds = Duration::from_millis(millis).as_secs_f64();
            ConstGauge::new(seconds).encode(metric.encode_family(&labels)?)?;
        }
        let name = "guerdon_witness_answers";
        let help = "answers of witnesses who were asked to sign a checkpoint";
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for ((witness, answer), count) in self.answers.0.lock().iter() {
            let labels = [("witness", witness.as_str()), ("answer", *answer)];
            ConstCounter::new(*count).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl SealerMetrics {
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
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            ConstGauge::new(value).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

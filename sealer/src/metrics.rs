//! The sealer's metrics. `docs/operations/metrics.md` explains them. They are read at each scrape.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use event_store::{Behind, EventStore};
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
use trace::age;

use crate::Sealer;
use crate::sealed::Sealed;

/// How long the log may take to say how far all its partitions are.
const READ_MAX: Duration = Duration::from_secs(2);

/// The sealer's metrics, one set for each partition. Clones are the same.
#[derive(Clone, Debug)]
pub struct SealerMetrics {
    store: EventStore,
    partitions: Arc<[PartitionMetrics]>,
    answers: WitnessAnswers,
}

#[derive(Debug)]
struct PartitionMetrics {
    shown: watch::Receiver<Option<Sealed>>,
    cosigned: Option<watch::Receiver<u64>>,
    /// How far it was behind the log; nothing where the log didn't say in time.
    behind: Mutex<Option<Behind>>,
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
            PartitionMetrics { shown, cosigned, behind: Mutex::default() }
        });
        let metrics = Self {
            store: sealer.store().clone(),
            partitions: partitions.collect(),
            answers: sealer.witness_answers(),
        };
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    /// Reads how far all partitions are behind the log. Without an answer in time nothing is told
    /// of that; tells whether there were all.
    pub async fn read(&self) -> bool {
        let (until, mut is_whole) = (Instant::now() + READ_MAX, true);
        for (number, partition) in (0..).zip(self.partitions.iter()) {
            let behind = self.store.behind(Partition(number), Position(partition.sealed()));
            let behind = timeout_at(until, behind).await.ok().and_then(Result::ok);
            is_whole &= behind.is_some();
            *partition.behind.lock() = behind;
        }
        is_whole
    }
}

impl PartitionMetrics {
    fn sealed(&self) -> u64 {
        self.shown.borrow().as_ref().map_or(0, |sealed| sealed.size)
    }

    /// How many events aren't sealed.
    fn unsealed(&self) -> Option<u64> {
        Some((*self.behind.lock())?.head.since(Position(self.sealed())))
    }

    /// For how many seconds the first event that isn't sealed has been recorded.
    fn unsealed_seconds(&self) -> Option<f64> {
        let since = (*self.behind.lock())?.since;
        Some(since.map_or(Duration::ZERO, age).as_secs_f64())
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
        self.gauges(&mut encoder, name, help, PartitionMetrics::unsealed)?;
        let name = "guerdon_unsealed";
        let help = "how long ago the first event was recorded that no signed checkpoint has yet";
        let unit = Some(&Unit::Seconds);
        let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (number, partition) in self.partitions.iter().enumerate() {
            let Some(seconds) = partition.unsealed_seconds() else { continue };
            let labels = [("partition", number.to_string())];
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
            ConstGauge::new(value).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

//! What reconciliations found, as numbers.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use tokio::sync::watch;

use crate::serve::reconciliation::ReconciliationStatus;

/// The reconciliations of this process, read at each scrape.
#[derive(Debug)]
pub(in crate::serve) struct ReconciliationMetrics {
    pub(in crate::serve) every: Duration,
    pub(in crate::serve) status: watch::Receiver<ReconciliationStatus>,
}

impl Collector for ReconciliationMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let status = self.status.borrow().clone();
        let last = status.last.as_ref();
        let name = "guerdon_reconciliation_differences";
        let help = "what the last reconciliation found that isn't what the log gives";
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (part, count) in last.iter().flat_map(|last| &last.differences) {
            let labels = [("part", part.as_str())];
            ConstGauge::new(*count).encode(metric.encode_family(&labels)?)?;
        }
        let completed_at = last.map_or(status.begun_at, |last| last.completed_at);
        let completed_at = Duration::from_micros(completed_at.max(0).unsigned_abs());
        let gauges = [
            (
                "guerdon_reconciliation_completed_time",
                "when the last one ran to its end; before the first, when the process began",
                completed_at.as_secs_f64(),
            ),
            (
                "guerdon_reconciliation_duration",
                "how long the last reconciliation took",
                last.map_or(0.0, |last| last.seconds),
            ),
            (
                "guerdon_reconciliation_interval",
                "how often the ledger is reconciled",
                self.every.as_secs_f64(),
            ),
        ];
        for (name, help, value) in gauges {
            let unit = Some(&Unit::Seconds);
            let metric = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)?;
        }
        let name = "guerdon_reconciliation_failures";
        let help = "reconciliations that did not run to their end";
        let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(status.failures).encode(metric)
    }
}

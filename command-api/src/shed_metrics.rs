//! What was refused of an overloaded process, as numbers.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use wire::Overload;

/// What the process knows of its overload, read at each scrape.
#[derive(Debug)]
pub(crate) struct ShedMetrics(pub(crate) Overload);

impl Collector for ShedMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (name, help) = ("guerdon_shed_requests", "requests that were refused by their kind");
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (what, count) in self.0.counts() {
            let labels = [("what", what.as_str())];
            ConstCounter::new(count).encode(metric.encode_family(&labels)?)?;
        }
        let (name, help) =
            ("guerdon_shedding", "0 nothing is shed, 1 questions, 2 new redemptions, 3 all");
        let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(i64::from(self.0.stage() as u8)).encode(metric)?;
        let help = "writers that refuse all commands, because the log takes nothing";
        let metric =
            encoder.encode_descriptor("guerdon_writer_log_away", help, None, MetricType::Gauge)?;
        let away = i64::try_from(self.0.logs_away()).unwrap_or(i64::MAX);
        ConstGauge::new(away).encode(metric)?;
        let (name, help) = ("guerdon_writer_log_went_away", "how often a writer began to do so");
        let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(self.0.went_away()).encode(metric)
    }
}

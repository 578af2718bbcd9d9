//! How often limits refused a call, as numbers.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use wire::{Limits, Refusals};

/// The limits of this process, read at each scrape.
#[derive(Debug)]
pub(in crate::serve) struct LimitMetrics(pub(in crate::serve) Limits);

impl Collector for LimitMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let name = "guerdon_http_limited_requests";
        let help = "requests that a limit refused, by whose limit it is and by what it counts";
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for Refusals { of, what, count } in self.0.refusals() {
            ConstCounter::new(count)
                .encode(metric.encode_family(&[("of", of), ("what", what)])?)?;
        }
        Ok(())
    }
}

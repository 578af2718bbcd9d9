//! The lines that this process could not write, as a number.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

use crate::output::lost_lines;

/// The lost lines of this process, counted at each scrape.
#[derive(Debug)]
pub(super) struct LostLineMetrics;

impl Collector for LostLineMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let name = "guerdon_lost_lines";
        let help = "lines of the log, and of what is printed, that could not be written";
        let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(lost_lines()).encode(metric)
    }
}

//! The connections of each address, as numbers.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::serve::connections::OpenConnections;

/// The connections of this process, counted at each scrape.
#[derive(Debug)]
pub(super) struct ConnectionMetrics(pub(super) Vec<OpenConnections>);

impl Collector for ConnectionMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (name, help) =
            ("guerdon_http_connections", "open connections of clients or of operators");
        self.gauges(&mut encoder, name, help, OpenConnections::count)?;
        let name = "guerdon_http_connections_max";
        let help = "how many connections there may be of each kind";
        self.gauges(&mut encoder, name, help, |connections| connections.max)
    }
}

impl ConnectionMetrics {
    fn gauges(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        value: impl Fn(&OpenConnections) -> usize,
    ) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for connections in &self.0 {
            let labels = [("listener", connections.of)];
            ConstGauge::new(value(connections)).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

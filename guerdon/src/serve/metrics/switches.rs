//! Which switches are on, as numbers.

use std::fmt;

use domain::SwitchName;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use wire::Switches;

/// The switches as this process knows them, read at each scrape.
#[derive(Debug)]
pub(in crate::serve) struct SwitchMetrics(pub(in crate::serve) Switches);

impl Collector for SwitchMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "1 for a switch that an operator has turned on, as this process knows it";
        let mut metric =
            encoder.encode_descriptor("guerdon_switch_on", help, None, MetricType::Gauge)?;
        for switch in SwitchName::ALL {
            ConstGauge::new(i64::from(self.0.is_on(switch)))
                .encode(metric.encode_family(&[("switch", switch.as_str())])?)?;
        }
        Ok(())
    }
}

//! The erasures that aren't done, as numbers.

use std::fmt;
use std::time::Duration;

use event_store::Erasure;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use tokio::sync::watch;
use trace::unix_micros;

use crate::serve::eraser::Unfinished;

/// The erasures that weren't done when this process looked last, read at each scrape.
#[derive(Debug)]
pub(in crate::serve) struct ErasureMetrics(pub(in crate::serve) watch::Receiver<Unfinished>);

impl Collector for ErasureMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Unfinished { going_on, held_up } = self.0.borrow().clone();
        let (bytes_remain, asked): (Vec<Erasure>, Vec<Erasure>) =
            going_on.into_iter().partition(Erasure::is_unreadable);
        let by_status =
            [("asked", asked), ("bytes-remain", bytes_remain), ("codes-unread", held_up)];
        let (name, help) = ("guerdon_erasures", "erasures that are not done");
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (status, erasures) in &by_status {
            let count = i64::try_from(erasures.len()).unwrap_or(i64::MAX);
            ConstGauge::new(count).encode(metric.encode_family(&[("status", *status)])?)?;
        }
        let name = "guerdon_erasure_age";
        let help = "how long ago the oldest of them was asked for; 0 without one";
        let unit = Some(&Unit::Seconds);
        let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (status, erasures) in &by_status {
            let oldest = erasures.iter().map(|erasure| erasure.asked_at).min();
            let age = oldest.map_or(0, |asked_at| unix_micros().saturating_sub(asked_at));
            let age = Duration::from_micros(age.max(0).unsigned_abs()).as_secs_f64();
            ConstGauge::new(age).encode(metric.encode_family(&[("status", *status)])?)?;
        }
        Ok(())
    }
}

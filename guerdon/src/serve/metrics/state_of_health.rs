//! What `GET /health/ready` says, as numbers: whether the process is ready, and each reason.

use std::sync::Arc;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::serve::health::WatchedHealth;
use crate::serve::health_reason::HealthReason;

type Reason = [(&'static str, &'static str); 1];

/// The health that was found last.
#[derive(Clone, Debug, Default)]
pub(super) struct HealthMetrics {
    ready: Gauge,
    reasons: Family<Reason, Gauge>,
}

impl HealthMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let help = "1 while GET /health/ready answers 200, 0 while it answers 503";
        registry.register("guerdon_ready", help, metrics.ready.clone());
        let help = "1 for each reason for which something doesn't work, 0 for the rest";
        registry.register("guerdon_health_reason", help, metrics.reasons.clone());
        metrics
    }

    /// Looks, as `GET /health/ready` does; tells whether that could be done.
    pub(super) async fn read(&self, health: &Arc<WatchedHealth>) -> bool {
        let found = health.found().await;
        self.ready.set(found.as_ref().is_some_and(|found| found.is_ready()).into());
        let present = found.as_ref().map(|found| found.all_reasons()).unwrap_or_default();
        for reason in HealthReason::ALL {
            let gauge = self.reasons.get_or_create(&[("reason", reason.as_str())]);
            gauge.set(present.contains(&reason).into());
        }
        found.is_some()
    }
}

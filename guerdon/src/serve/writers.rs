//! The writers of this process, by its settings.

use command_api::{CommandMetrics, WriterConfig, Writers};
use event_store::EventStore;
use tokio::sync::oneshot;
use trace::Tracer;
use wire::{KeyRing, Switches};

use crate::serve_config::ServeConfig;

/// Starts a writer for each partition.
pub(super) async fn start(
    config: &ServeConfig,
    store: &EventStore,
    metrics: CommandMetrics,
    tracer: &Tracer,
    switches: &Switches,
    keys: &KeyRing,
) -> anyhow::Result<(Writers, oneshot::Receiver<()>)> {
    let writer = WriterConfig {
        clock: config.clock,
        snapshots: Some(config.data.snapshots()),
        shed_after: config.shed_after(),
        metrics,
        tracer: tracer.clone(),
        switches: switches.clone(),
        keys: Some(keys.clone()),
        ..WriterConfig::new(store.clone(), config.command_deadline_ms)
    };
    Ok(Writers::start(writer).await?)
}

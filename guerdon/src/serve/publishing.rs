//! The publisher beside the rest: started with the ledger, stopped before its last requests end.

use anyhow::Context as _;
use event_store::EventStore;
use publisher::{PublishedLog, Publisher, PublisherConfig};
use read_model::{OfLog, ReadModel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A publisher that runs.
pub(super) struct Publishing {
    pub(super) publisher: Publisher,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Publishing {
    pub(super) async fn start(
        config: PublisherConfig,
        read_model: ReadModel,
        store: &EventStore,
        of: &OfLog,
    ) -> anyhow::Result<Self> {
        let history = of.history().context("the log's history isn't followed")?;
        let (log_id, partitions) = (store.log_id(), store.partitions());
        let log = PublishedLog { log_id, partitions, history };
        // Messages are sent in the order of the log, so it can begin before the tables are whole.
        let publisher = Publisher::open(config, read_model.also_incomplete(), log).await?;
        let stop = CancellationToken::new();
        let running = tokio::spawn(publisher.clone().run(stop.clone()));
        Ok(Self { publisher, stop, running })
    }

    /// Lets it write down what was acknowledged.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.running.await.context("the publisher failed")
    }
}

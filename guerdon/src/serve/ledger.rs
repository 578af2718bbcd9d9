//! The parts of the ledger that run in this process, and their end.

use std::cell::Cell;
use std::future::pending;
use std::time::Duration;

use anyhow::Context as _;
use command_api::Writers;
use event_store::EventStore;
use read_model::ReadModel;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::balances::Trees;
use super::doors::Doors;
use super::metrics::CountedRoutes;
use super::publishing::Publishing;

/// How long requests that have begun may still be answered. That is longer than the default command
/// deadline; with a longer one, a command can lose its answer.
const DRAIN_MAX: Duration = Duration::from_secs(7);

/// The parts that run in this process.
pub(super) struct Ledger {
    pub(super) store: EventStore,
    /// Until they are open.
    pub(super) routes: Option<CountedRoutes>,
    pub(super) writers: Option<Writers>,
    pub(super) writers_stopped: Option<oneshot::Receiver<()>>,
    pub(super) projecting: Option<JoinHandle<()>>,
    pub(super) sealing: Option<JoinHandle<()>>,
    pub(super) erasing: Option<JoinHandle<()>>,
    pub(super) snapshots: JoinSet<()>,
    pub(super) trees: Option<Trees>,
    pub(super) read_model: Option<ReadModel>,
    pub(super) publishing: Option<Publishing>,
    pub(super) noting_calls: Option<JoinHandle<()>>,
}

impl Ledger {
    /// Of a log, and with no part as yet.
    pub(super) fn of(store: EventStore) -> Self {
        Self {
            store,
            routes: None,
            writers: None,
            writers_stopped: None,
            projecting: None,
            sealing: None,
            erasing: None,
            snapshots: JoinSet::new(),
            trees: None,
            read_model: None,
            publishing: None,
            noting_calls: None,
        }
    }

    /// Ends when the last writer has; never where there is none, or none any more.
    pub(super) async fn writers_stop(&mut self) {
        let Some(stopped) = &mut self.writers_stopped else { return pending().await };
        // A dropped sender also means that they have ended.
        drop(stopped.await);
        self.writers_stopped = None;
    }

    /// Ends all parts, one after the other; `step` says which ends at the moment. The connections
    /// and the publisher hold the writer's last handles: the writer answers what it has, and stops
    /// when they are gone.
    pub(super) async fn stop(
        mut self,
        doors: Doors,
        stop: &CancellationToken,
        step: &Cell<&'static str>,
    ) -> anyhow::Result<()> {
        drop((self.routes.take(), self.writers.take()));
        doors.close(DRAIN_MAX).await;
        if let Some(publishing) = self.publishing.take() {
            step.set("the publisher");
            publishing.stop().await?;
        }
        if self.writers_stopped.is_some() {
            step.set(
                "the writer (its storage doesn't answer; if it was appending, the next start finds \
                 out whether that was recorded)",
            );
            self.writers_stop().await;
        }
        if let Some(read_model) = self.read_model {
            step.set("the query API");
            read_model.close().await;
        }
        stop.cancel();
        if let Some(noting) = self.noting_calls {
            step.set("noting calls without an event");
            noting.await.context("noting calls failed")?;
        }
        if let Some(projecting) = self.projecting {
            step.set("the projector");
            projecting.await.context("the projector failed")?;
        }
        if let Some(sealing) = self.sealing {
            step.set("the sealer");
            sealing.await.context("the sealer failed")?;
        }
        if let Some(erasing) = self.erasing {
            step.set("erasing (the next start goes on with it)");
            erasing.await.context("erasing failed")?;
        }
        if let Some(trees) = self.trees {
            step.set("the trees of balances");
            trees.end().await;
        }
        step.set("the snapshots and reconciliations");
        while let Some(ended) = self.snapshots.join_next().await {
            ended.context("taking snapshots or reconciling failed")?;
        }
        Ok(())
    }
}

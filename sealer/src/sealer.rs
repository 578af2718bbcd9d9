//! The sealer of a log: a task for each partition, and what is served of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use event_store::{EventStore, with_causes};
use log_record::Partition;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::seal_partition::Sealing;
use crate::sealed::Sealed;
use crate::{SealError, SealFolder, SigningKeys};

/// How long until sealing is tried again after it failed. It may hash the whole tree to find out
/// that the disk is still full, so each further wait is twice as long.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The longest of these waits.
const TRY_AGAIN_MAX: Duration = Duration::from_secs(30);

/// Whether a partition is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealStatus {
    /// What is appended is sealed.
    Sealing,
    /// It failed, and is tried again.
    Failing(Arc<str>),
    /// It can't go on.
    Stopped(Arc<str>),
}

/// Seals a log's partitions.
#[derive(Debug)]
pub struct Sealer {
    store: EventStore,
    folder: SealFolder,
    publish: Option<PathBuf>,
    partitions: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    shown: watch::Sender<Option<Sealed>>,
    status: watch::Sender<SealStatus>,
}

/// What the routes serve: each partition's newest signed tree.
pub(crate) type Shown = Arc<[watch::Receiver<Option<Sealed>>]>;

impl Sealer {
    /// A sealer of this log into this folder, which also puts each newest checkpoint into the
    /// folder `publish`.
    #[must_use]
    pub fn new(store: EventStore, folder: SealFolder, publish: Option<PathBuf>) -> Self {
        let watched = |_| Watched {
            shown: watch::Sender::new(None),
            status: watch::Sender::new(SealStatus::Sealing),
        };
        let partitions = (0..store.partitions()).map(watched).collect();
        Self { store, folder, publish, partitions }
    }

    /// Whether each partition is sealed.
    #[must_use]
    pub fn statuses(&self) -> Vec<watch::Receiver<SealStatus>> {
        self.partitions.iter().map(|watched| watched.status.subscribe()).collect()
    }

    pub(crate) const fn store(&self) -> &EventStore {
        &self.store
    }

    pub(crate) fn shown(&self) -> Shown {
        self.partitions.iter().map(|watched| watched.shown.subscribe()).collect()
    }

    /// Seals until `stop`. What is appended later is sealed at the next start.
    pub async fn run(self, stop: CancellationToken) {
        let Self { store, folder, publish, partitions } = self;
        let mut tasks = JoinSet::new();
        for (partition, Watched { shown, status }) in (0..).map(Partition).zip(partitions) {
            let (store, folder, publish) = (store.clone(), folder.clone(), publish.clone());
            let told = status.clone();
            let sealing = Sealing::new(store, partition, folder.clone(), publish, shown, told);
            tasks.spawn(async move { keep_sealing(partition, &folder, &sealing, &status).await });
        }
        // A task that waits for the disk ends with the process.
        let ended = async { while tasks.join_next().await.is_some() {} };
        stop.run_until_cancelled(ended).await;
    }
}

async fn keep_sealing(
    partition: Partition,
    folder: &SealFolder,
    sealing: &Sealing,
    status: &watch::Sender<SealStatus>,
) {
    let mut wait = TRY_AGAIN_AFTER;
    loop {
        let failed = seal(folder, sealing).await;
        if failed.is_passing() {
            // Whoever reads the log says so, too.
            tracing::debug!(%partition, error = &failed as &dyn std::error::Error, "not sealed");
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
            continue;
        }
        let has_sealed = *status.borrow() == SealStatus::Sealing;
        wait = wait_after(wait, has_sealed);
        let told: Arc<str> = with_causes(&failed).into();
        let is_final = failed.is_final();
        let found = if is_final { SealStatus::Stopped(told) } else { SealStatus::Failing(told) };
        let is_new = status.send_if_modified(|known| {
            let is_new = *known != found;
            *known = found;
            is_new
        });
        if is_new {
            let error: &dyn std::error::Error = &failed;
            tracing::error!(%partition, error, is_final, "the log isn't sealed");
        }
        if is_final {
            return;
        }
        tokio::time::sleep(wait).await;
    }
}

/// How long to wait after a failure, by the wait before it and whether it has sealed since.
fn wait_after(before: Duration, has_sealed: bool) -> Duration {
    if has_sealed { TRY_AGAIN_AFTER } else { (before * 2).min(TRY_AGAIN_MAX) }
}

/// Seals until something is wrong.
async fn seal(folder: &SealFolder, sealing: &Sealing) -> SealError {
    let keys = folder.clone();
    let opened = tokio::task::spawn_blocking(move || SigningKeys::open(&keys)).await;
    match opened {
        Err(_) => SealError::Closed,
        Ok(Err(error)) => error,
        Ok(Ok(_)) => sealing.run().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_on_is_tried_less_and_less_often() {
        let mut wait = wait_after(TRY_AGAIN_AFTER, true);
        let mut waits = vec![];
        for _ in 0..7 {
            waits.push(wait.as_secs());
            wait = wait_after(wait, false);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(wait_after(wait, true), TRY_AGAIN_AFTER);
    }
}

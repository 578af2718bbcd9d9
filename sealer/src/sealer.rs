//! The sealer of a log: a task for each partition, and what is served of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use event_store::{EventStore, with_causes};
use log_record::Partition;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::copies::Copies;
use crate::cosign::{Cosigning, Witnesses};
use crate::metrics::WitnessAnswers;
use crate::seal_partition::Sealing;
use crate::sealed::Sealed;
use crate::{SealError, SealFolder, SealedLog};

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
    copies: Option<PathBuf>,
    witnesses: Option<Arc<Witnesses>>,
    answers: WitnessAnswers,
    partitions: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    shown: watch::Sender<Option<Sealed>>,
    status: watch::Sender<SealStatus>,
    /// How many events enough witnesses have signed.
    cosigned: watch::Sender<u64>,
    /// What others find who keep checkpoints.
    found: (mpsc::Sender<SealError>, mpsc::Receiver<SealError>),
}

/// What the routes serve: each partition's newest signed tree.
pub(crate) type Shown = Arc<[watch::Receiver<Option<Sealed>>]>;

impl Sealer {
    /// A sealer of this log into this folder, which also puts a copy of each newest checkpoint into
    /// the folder `copies`.
    #[must_use]
    pub fn new(store: EventStore, folder: SealFolder, copies: Option<PathBuf>) -> Self {
        let watched = |_| Watched {
            shown: watch::Sender::new(None),
            status: watch::Sender::new(SealStatus::Sealing),
            cosigned: watch::Sender::new(0),
            found: mpsc::channel(1),
        };
        let partitions = (0..store.partitions()).map(watched).collect();
        let (witnesses, answers) = (None, WitnessAnswers::default());
        Self { store, folder, copies, witnesses, answers, partitions }
    }

    /// The same, with witnesses who are asked to sign, too.
    #[must_use]
    pub fn with_witnesses(self, witnesses: Witnesses) -> Self {
        Self { witnesses: Some(Arc::new(witnesses)), ..self }
    }

    /// Whether each partition is sealed.
    #[must_use]
    pub fn statuses(&self) -> Vec<watch::Receiver<SealStatus>> {
        self.partitions.iter().map(|watched| watched.status.subscribe()).collect()
    }

    /// What each partition tells whoever keeps its checkpoints elsewhere.
    #[must_use]
    pub fn sealed_logs(&self) -> Vec<SealedLog> {
        let of = |watched: &Watched| {
            let (shown, found) = (watched.shown.subscribe(), watched.found.0.clone());
            SealedLog::new(self.store.clone(), self.folder.clone(), shown, found)
        };
        self.partitions.iter().map(of).collect()
    }

    pub(crate) const fn store(&self) -> &EventStore {
        &self.store
    }

    pub(crate) fn shown(&self) -> Shown {
        self.partitions.iter().map(|watched| watched.shown.subscribe()).collect()
    }

    /// How many events enough witnesses have signed, where some are asked.
    pub(crate) fn cosigned(&self) -> Vec<Option<watch::Receiver<u64>>> {
        let asks = self.witnesses.is_some();
        let of = |watched: &Watched| asks.then(|| watched.cosigned.subscribe());
        self.partitions.iter().map(of).collect()
    }

    pub(crate) fn witness_answers(&self) -> WitnessAnswers {
        self.answers.clone()
    }

    /// Seals until `stop`. What is appended later is sealed at the next start.
    pub async fn run(self, stop: CancellationToken) {
        let Self { store, folder, copies, witnesses, answers, partitions } = self;
        let mut tasks = JoinSet::new();
        for (partition, watched) in (0..).map(Partition).zip(partitions) {
            let Watched { shown, status, cosigned, found: (_, found) } = watched;
            if let Some(witnesses) = witnesses.clone() {
                let (shown, answers) = (shown.subscribe(), answers.clone());
                tasks.spawn(Cosigning { witnesses, shown, cosigned, answers }.run());
            }
            let copying =
                Copies { keys: folder.clone(), into: copies.clone(), shown: shown.subscribe() };
            let sealing = Sealing {
                store: store.clone(),
                partition,
                folder: folder.clone(),
                copies: copies.clone(),
                shown,
                status: status.clone(),
            };
            tasks.spawn(async move { keep_sealing(&sealing, &copying, found, &status).await });
        }
        // A task that waits for the disk ends with the process.
        let ended = async { while tasks.join_next().await.is_some() {} };
        stop.run_until_cancelled(ended).await;
    }
}

async fn keep_sealing(
    sealing: &Sealing,
    copying: &Copies,
    mut found: mpsc::Receiver<SealError>,
    status: &watch::Sender<SealStatus>,
) {
    let (partition, mut wait) = (sealing.partition, TRY_AGAIN_AFTER);
    loop {
        let failed = tokio::select! {
            failed = sealing.run() => failed,
            failed = copying.run() => failed,
            Some(failed) = found.recv() => failed,
        };
        if failed.is_passing() {
            // Whoever reads the log says so, too.
            tracing::debug!(%partition, error = &failed as &dyn std::error::Error, "not sealed");
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
            continue;
        }
        sealing.show_what_stands().await;
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

//! Follows every partition of a log into one read model.

use std::path::{Path, PathBuf};
use std::time::Duration;

use event_store::EventStore;
use log_record::Partition;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::database;
use crate::partition::PartitionProjection;
use crate::{ProjectError, ProjectionStatus, ReadModel};

/// How long to wait after the database or the log refused, at first and at most.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(100);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);

/// A projector that is ready to run.
#[derive(Debug)]
pub struct Projector {
    file: PathBuf,
    partitions: Vec<PartitionProjection>,
}

impl Projector {
    /// Opens the read model in `file`, makes it where there is none, and verifies that it was made
    /// of this log.
    pub async fn open(file: &Path, store: EventStore) -> Result<Self, ProjectError> {
        database::migrate(file).await?;
        let mut partitions = vec![];
        for partition in (0..store.partitions()).map(Partition) {
            partitions.push(PartitionProjection::open(file, store.clone(), partition).await?);
        }
        Ok(Self { file: file.into(), partitions })
    }

    /// How far each partition is, by its number.
    #[must_use]
    pub fn statuses(&self) -> Vec<watch::Receiver<ProjectionStatus>> {
        self.partitions.iter().map(|partition| partition.status.subscribe()).collect()
    }

    /// The reading side, which learns from this projector how far it is.
    pub async fn read_model(&self) -> Result<ReadModel, ProjectError> {
        ReadModel::beside(&self.file, self.statuses()).await
    }

    /// Projects until it is told to stop. A partition with an event that can't be applied stops
    /// by itself, says so, and waits for that.
    pub async fn run(self, stop: CancellationToken) {
        let mut running = JoinSet::new();
        for partition in self.partitions {
            running.spawn(follow(partition, stop.clone()));
        }
        running.join_all().await;
    }

    /// Projects all that the log holds by now.
    pub async fn catch_up(&mut self) -> Result<(), ProjectError> {
        for partition in &mut self.partitions {
            loop {
                let events = partition.rest().await?;
                if events.is_empty() {
                    break;
                }
                partition.project(events).await?;
            }
        }
        Ok(())
    }
}

async fn follow(mut partition: PartitionProjection, stop: CancellationToken) {
    let mut delay = RETRY_DELAY_MIN;
    loop {
        let events = tokio::select! {
            () = stop.cancelled() => return,
            events = partition.next() => events,
        };
        let projected = match events {
            Ok(events) => partition.project(events).await,
            Err(error) => Err(error),
        };
        match projected {
            Ok(()) => delay = RETRY_DELAY_MIN,
            Err(error @ (ProjectError::Database { .. } | ProjectError::Log(_))) => {
                warn(&error);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(delay) => {}
                }
                delay = (delay * 2).min(RETRY_DELAY_MAX);
                if let Err(error) = partition.reopen().await {
                    warn(&error);
                }
            }
            Err(error) => {
                halt(&partition, &error);
                return stop.cancelled().await;
            }
        }
    }
}

fn warn(error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(error, "projecting failed and is tried again");
}

/// Says, in the log and in the status, that a partition's projection goes no further.
fn halt(partition: &PartitionProjection, error: &ProjectError) {
    tracing::error!(error = error as &dyn std::error::Error, "the projection has stopped");
    let at = match error {
        ProjectError::Unapplicable { place, .. } => place.position,
        _ => partition.position(),
    };
    partition.status.send_modify(|status| status.stopped = Some((at, error.to_string())));
}

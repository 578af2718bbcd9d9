//! Follows every partition of a log into one read model.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use event_store::EventStore;
use log_record::{Partition, Position};
use postgres_connection::PostgresUrl;
use read_model::{LogChanges, ReadModel, ReadModelError, ReadModelUrl, Side};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use trace::Tracer;

use crate::batch::Ahead;
use crate::metrics::WriteTimes;
use crate::partition::PartitionProjection;
use crate::senders::Senders;
use crate::write::Tables;
use crate::{ProjectError, ProjectionStatus, ProjectionStop};

/// How long to wait after the database or the log refused, at first and at most.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(100);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);
const RETRY: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(RETRY_DELAY_MIN)
    .with_max_delay(RETRY_DELAY_MAX)
    .without_max_times();

/// How long the log can't be read until the other partitions go on without this one.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(5);

/// What fails again after more than this has worked meanwhile.
const FAILS_AGAIN: Duration = Duration::from_secs(60);

/// How often it projects at most. A transaction takes as long for one event as for ten, and what
/// it takes away from the cores all others wait for.
const PROJECT_EVERY: Duration = Duration::from_millis(5);

/// How long a batch may go on after the projector was told to stop.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// A projector that is ready to run.
#[derive(Debug)]
pub struct Projector {
    url: ReadModelUrl,
    partitions: Vec<PartitionProjection>,
    write_times: WriteTimes,
}

impl Projector {
    /// Opens the read model at `url` and verifies that it was made of this log. A file is made
    /// where there is none, and brought up to date; a PostgreSQL's schema has to be there, for
    /// several processes use it.
    pub async fn open(url: &ReadModelUrl, store: EventStore) -> Result<Self, ProjectError> {
        match url {
            ReadModelUrl::Sqlite(_) => read_model::migrate(url).await?,
            ReadModelUrl::Postgres(url) => {
                read_model::check(url).await.map_err(ReadModelError::from)?;
            }
        }
        let mut live = Self::open_side(url, Side::Live, store).await?;
        live.keep_order();
        Ok(live)
    }

    /// Opens tables whose schema is there, and into which the partitions come in any order.
    pub(crate) async fn open_side(
        url: &ReadModelUrl,
        side: Side,
        store: EventStore,
    ) -> Result<Self, ProjectError> {
        let (mut partitions, write_times) =
            (Vec::<PartitionProjection>::new(), WriteTimes::default());
        for partition in (0..store.partitions()).map(Partition) {
            let (store, times) = (store.clone(), write_times.clone());
            let tables = match partitions.first() {
                Some(first) => first.more_tables().await?,
                None => Tables::open(url, side).await?,
            };
            let opened =
                PartitionProjection::open(url, side, tables, store, partition, times).await?;
            partitions.push(opened);
        }
        Ok(Self { url: url.clone(), partitions, write_times })
    }

    /// From now on a message is received after it was sent, as those who read the tables want it.
    pub(crate) fn keep_order(&mut self) {
        let senders = Senders::of(self.statuses());
        for partition in &mut self.partitions {
            partition.batches.senders = senders.clone();
        }
    }

    /// Begins spans for events whose trace is kept, and logs what is marked, from now on.
    pub fn trace(&mut self, tracer: &Tracer) {
        for partition in &mut self.partitions {
            partition.batches.tracer = tracer.clone();
        }
    }

    /// How far each partition is, by its number.
    #[must_use]
    pub fn statuses(&self) -> Vec<watch::Receiver<ProjectionStatus>> {
        self.partitions.iter().map(|partition| partition.status.subscribe()).collect()
    }

    /// How long its batches took to be written.
    pub(crate) fn write_times(&self) -> WriteTimes {
        self.write_times.clone()
    }

    /// The reading side, which learns from this projector how far it is.
    pub async fn read_model(
        &self,
        replica: Option<&PostgresUrl>,
    ) -> Result<ReadModel, ProjectError> {
        let changes = self.partitions.iter().map(|partition| Arc::clone(&partition.changes));
        let changes = LogChanges::of(changes.collect());
        let positions = self.partitions.iter().map(|partition| partition.projected.subscribe());
        Ok(ReadModel::open_with(&self.url, replica, positions.collect(), changes).await?)
    }

    /// Projects until `stop` is cancelled. A partition with an event that can't be applied stops
    /// by itself, says so, and waits for that.
    pub async fn run(self, stop: CancellationToken) {
        let mut running = JoinSet::new();
        for partition in self.partitions {
            running.spawn(follow(partition, stop.clone()));
        }
        running.join_all().await;
    }

    /// Closes what is open, so that a file has all that was written. What comes later opens it
    /// again.
    pub async fn close(&mut self) {
        for partition in &mut self.partitions {
            partition.close().await;
        }
    }

    /// Begins anew from the tables' checkpoints, after a step that wasn't waited for.
    pub(crate) async fn reopen(&mut self) -> Result<(), ProjectError> {
        for partition in &mut self.partitions {
            partition.reopen().await?;
        }
        Ok(())
    }

    /// How far a partition is; nothing where there is no such partition.
    pub(crate) fn position(&self, partition: Partition) -> Option<Position> {
        self.partitions.get(usize::from(partition.0)).map(PartitionProjection::position)
    }

    /// Projects a partition's next events, up to a position, and gives how far that is: no further
    /// than before where the log has no more of them.
    pub(crate) async fn step(
        &mut self,
        partition: Partition,
        end: Position,
    ) -> Result<Position, ProjectError> {
        let Some(partition) = self.partitions.get_mut(usize::from(partition.0)) else {
            return Ok(end);
        };
        let batch = partition.rest_up_to(end).await?;
        partition.project(batch, Ahead::Nothing).await?;
        Ok(partition.position())
    }

    /// Projects all that the log holds by now, and closes each partition's connection before the
    /// next one's fills its page cache.
    pub(crate) async fn catch_up_in_turn(&mut self) -> Result<(), ProjectError> {
        for partition in &mut self.partitions {
            partition.catch_up().await?;
            partition.close().await;
        }
        Ok(())
    }

    /// Projects all that the log holds by now.
    pub async fn catch_up(&mut self) -> Result<(), ProjectError> {
        loop {
            let (mut waits, mut has_moved) = (false, false);
            for partition in &mut self.partitions {
                let before = partition.position();
                waits |= partition.catch_up().await?;
                has_moved |= partition.position() != before;
            }
            // What is waited for in vain is of a history that the log has lost.
            if !(waits && has_moved) {
                return Ok(());
            }
        }
    }
}

async fn follow(mut partition: PartitionProjection, stop: CancellationToken) {
    let told = stop.clone();
    tokio::select! {
        () = keep_projecting(&mut partition, stop) => {}
        // A database that doesn't answer is left; what it was asked last is projected again at the
        // next start.
        () = async move {
            told.cancelled().await;
            tokio::time::sleep(STOP_GRACE).await;
        } => {}
    }
    partition.close().await;
}

async fn keep_projecting(partition: &mut PartitionProjection, stop: CancellationToken) {
    let (mut delays, mut next_at) = (RETRY.build(), Instant::now());
    let (mut ahead, mut log_failures) = (None, LogFailures::default());
    loop {
        let next = async {
            match ahead.take() {
                Some(batch) => Ok(batch),
                None => {
                    tokio::time::sleep_until(next_at).await;
                    partition.next().await
                }
            }
        };
        let batch = tokio::select! {
            // Also where the next batch is there already, which may take seconds.
            biased;
            () = stop.cancelled() => return,
            batch = next => batch,
        };
        next_at = Instant::now() + PROJECT_EVERY;
        let projected = match batch {
            Ok(batch) => partition.project(batch, Ahead::Coming).await,
            Err(error) => Err(error),
        };
        match projected {
            Ok(next) => {
                ahead = next;
                delays = RETRY.build();
                log_failures = LogFailures::default();
            }
            Err(error) if error.may_pass() => {
                let is_given_up = log_failures.note(&error, Instant::now());
                note_failing(partition, error, is_given_up);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(delays.next().unwrap_or(RETRY_DELAY_MAX)) => {}
                }
                match partition.reopen().await {
                    Ok(()) => note_passed(partition),
                    Err(error) => {
                        let is_given_up = log_failures.note(&error, Instant::now());
                        note_failing(partition, error, is_given_up);
                    }
                }
            }
            Err(error) => {
                halt(partition, error);
                return stop.cancelled().await;
            }
        }
    }
}

/// Since when the log can't be read, and when it couldn't last. (Tables that can't be written hold
/// up all partitions alike.)
#[derive(Debug, Default)]
struct LogFailures(Option<(Instant, Instant)>);

impl LogFailures {
    /// Whether it has failed for so long that nobody should wait for it.
    fn note(&mut self, error: &ProjectError, now: Instant) -> bool {
        let ProjectError::Log(_) = error else { return false };
        let first = match self.0 {
            Some((first, last)) if now - last <= FAILS_AGAIN => first,
            _ => now,
        };
        self.0 = Some((first, now));
        now - first >= GIVEN_UP_AFTER
    }
}

/// Sets the status, and logs the first of several failures in a row.
fn note_failing(partition: &PartitionProjection, error: ProjectError, is_given_up: bool) {
    let is_new = partition.status.borrow().failing.is_none();
    if is_new {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "projecting failed and will be tried again");
    }
    partition.status.send_modify(|status| {
        status.failing = Some(Arc::new(error));
        status.is_given_up = is_given_up;
    });
}

fn note_passed(partition: &PartitionProjection) {
    tracing::info!(position = %partition.position(), "projecting works again");
    partition.status.send_modify(|status| {
        status.failing = None;
        status.is_given_up = false;
    });
}

/// Logs that a partition's projection has stopped, and sets its status.
fn halt(partition: &PartitionProjection, error: ProjectError) {
    tracing::error!(error = &error as &dyn std::error::Error, "the projection has stopped");
    let at = match &error {
        ProjectError::Unapplicable { place, .. } => place.position,
        _ => partition.position(),
    };
    let stopped = ProjectionStop { at, why: Arc::new(error) };
    partition.status.send_modify(|status| status.stopped = Some(stopped));
}

#[cfg(test)]
mod tests {
    use event_store::StoreError;
    use log_record::Place;

    use super::*;

    #[test]
    fn a_log_that_stays_unreadable_is_given_up_and_tables_that_are_away_are_not() {
        let place = Place { partition: Partition(1), position: Position(7) };
        let unread = ProjectError::Log(StoreError::Forked { place });
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let given_up = |last, now, error: &ProjectError| {
            LogFailures(Some((begun, after(last)))).note(error, after(now))
        };
        assert!(!LogFailures::default().note(&unread, begun), "the first time");
        assert!(!given_up(1, 3, &unread));
        assert!(given_up(4, 9, &unread));
        assert!(!given_up(4, 90, &unread), "it worked in between");
        assert!(!given_up(4, 9, &ProjectError::Unapplicable { place, why: String::new() }));
    }
}

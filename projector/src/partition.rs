//! The projection of one partition: batches on their way into the tables, with the checkpoint.
//! While a large one is written, the next one is made.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_store::{EventStore, READ_EVENTS_MAX, with_causes};
use log_record::{Partition, Place, Position};
use read_model::{Changes, Checkpoint, ReadModelError, ReadModelUrl, Side};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::ProjectError;
use crate::batch::{Ahead, Batches, Gathered};
use crate::checkpoint::verify;
use crate::metrics::WriteTimes;
use crate::rows::Lanes;
use crate::write::{Batch, Tables, WriteError, Written};

/// How long nothing must happen until there is time for other things.
const QUIET: Duration = Duration::from_secs(2);

/// A lost connection is noticed even while nothing happens: the next one may lead to a server whose
/// tables are at another position.
const LOST: &str = "the connection was lost";

/// How far a partition is projected.
#[derive(Clone, Debug, Default)]
pub struct ProjectionStatus {
    /// The last event whose rows can be read.
    pub position: Position,
    /// Set once the projection has stopped for good.
    pub stopped: Option<ProjectionStop>,
    /// Why projecting fails, while it is tried again and again.
    pub failing: Option<Arc<ProjectError>>,
    /// Reading the log has failed for so long that no other partition waits for this one.
    pub is_given_up: bool,
    /// What the next event receives, while that isn't in the tables yet.
    pub awaits: Option<Place>,
}

/// A projection has stopped, and only an operator can make it go on.
#[derive(Clone, Debug)]
pub struct ProjectionStop {
    /// The event that can't be applied, or the last one that was.
    pub at: Position,
    /// The reason.
    pub why: Arc<ProjectError>,
}

/// One partition on its way into the read tables.
#[derive(Debug)]
pub(crate) struct PartitionProjection {
    url: ReadModelUrl,
    side: Side,
    store: EventStore,
    partition: Partition,
    tables: Tables,
    checkpoint: Checkpoint,
    lanes: Lanes,
    /// Up to where the rows can be read; it follows `changes`.
    pub(crate) projected: watch::Sender<Position>,
    pub(crate) status: watch::Sender<ProjectionStatus>,
    pub(crate) changes: Arc<Changes>,
    write_times: WriteTimes,
    pub(crate) batches: Batches,
}

impl PartitionProjection {
    pub(crate) async fn open(
        url: &ReadModelUrl,
        side: Side,
        mut tables: Tables,
        store: EventStore,
        partition: Partition,
        write_times: WriteTimes,
    ) -> Result<Self, ProjectError> {
        let (checkpoint, lanes) = begin(&mut tables, url, side, &store, partition).await?;
        let status = ProjectionStatus { position: checkpoint.position, ..Default::default() };
        let status = watch::Sender::new(status);
        let projected = watch::Sender::new(checkpoint.position);
        let changes = Arc::new(Changes::since(&checkpoint));
        let batches = Batches::new(url, store.clone(), partition);
        let url = url.clone();
        Ok(Self {
            url,
            side,
            store,
            partition,
            tables,
            checkpoint,
            lanes,
            projected,
            status,
            changes,
            write_times,
            batches,
        })
    }

    pub(crate) fn position(&self) -> Position {
        self.checkpoint.position
    }

    /// More tables like those that it has open.
    pub(crate) async fn more_tables(&self) -> Result<Tables, ReadModelError> {
        self.tables.more(&self.url, self.side).await
    }

    /// The next batch, once there are events for it, and once all is in the tables that it
    /// receives. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Gathered, ProjectError> {
        loop {
            let batch = self.gather_next().await?;
            let Some(sent) = batch.awaits.filter(|_| batch.is_empty()) else { return Ok(batch) };
            self.status.send_modify(|status| status.awaits = Some(sent));
            let is_lost = tokio::select! {
                () = self.batches.senders.reach(sent) => false,
                () = self.tables.lost() => true,
            };
            self.status.send_modify(|status| status.awaits = None);
            if is_lost {
                return Err(self.lost());
            }
        }
    }

    async fn gather_next(&mut self) -> Result<Gathered, ProjectError> {
        let mut follower = self.batches.follow(&self.checkpoint)?;
        let events = {
            let mut next = pin!(follower.next(READ_EVENTS_MAX));
            let come = tokio::select! {
                events = &mut next => Some(events?),
                () = self.tables.lost() => {
                    return Err(self.lost());
                }
                () = tokio::time::sleep(QUIET) => None,
            };
            match come {
                Some(events) => events,
                None => {
                    self.tables.rest(QUIET).await;
                    tokio::select! {
                        events = next => events?,
                        () = self.tables.lost() => {
                            return Err(self.lost());
                        }
                    }
                }
            }
        };
        self.batches.begin(self.checkpoint, events, &mut follower).await
    }

    /// The next events up to a position, which may be none.
    pub(crate) async fn rest_up_to(&self, end: Position) -> Result<Gathered, ProjectError> {
        self.batches.up_to(self.checkpoint, end).await
    }

    /// Brings all that the log holds by now into the tables; whether what is left of it waits for
    /// another partition.
    pub(crate) async fn catch_up(&mut self) -> Result<bool, ProjectError> {
        loop {
            let batch = self.rest_up_to(Position(u64::MAX)).await?;
            let (is_all, waits) = (batch.is_empty(), batch.awaits.is_some());
            let mut next = Some(batch);
            while let Some(batch) = next {
                next = self.project(batch, Ahead::Rest).await?;
            }
            if is_all {
                return Ok(waits);
            }
        }
    }

    /// Brings a batch that follows the checkpoint into the tables, and gives the one after it where
    /// that was made meanwhile.
    pub(crate) async fn project(
        &mut self,
        mut batch: Gathered,
        ahead: Ahead,
    ) -> Result<Option<Gathered>, ProjectError> {
        let stop = batch.stop.take();
        let ahead = if stop.is_some() { Ahead::Nothing } else { ahead };
        let next = if batch.is_empty() { None } else { self.write(batch, ahead).await? };
        // Another projector may have stopped there, or gone on.
        let Some((place, why)) = stop.filter(|(place, _)| self.is_before(*place)) else {
            return Ok(next);
        };
        let noted = self.tables.note_stop(place, &why).await;
        noted.map_err(|error| self.failed("write to", error.into_source()))?;
        Err(ProjectError::Unapplicable { place, why })
    }

    async fn write(
        &mut self,
        mut batch: Gathered,
        ahead: Ahead,
    ) -> Result<Option<Gathered>, ProjectError> {
        let (rows, traces) = (std::mem::take(&mut batch.rows), std::mem::take(&mut batch.traces));
        let (from, next) = (batch.from, batch.next);
        let concerns_all = rows.concerns_all();
        let touched = rows.subjects().map(|subject| self.changes.hash_of(subject));
        let mut touched: Vec<u64> = touched.collect();
        touched.sort_unstable();
        touched.dedup();
        let (partition, lanes) = (self.partition, self.lanes.clone());
        let (begun, is_written) = (Instant::now(), CancellationToken::new());
        let writing = async {
            let written = self.tables.write(Batch { partition, from, next, lanes, rows }).await;
            is_written.cancel();
            if matches!(written, Ok(Written::Moved(_))) {
                self.write_times.0.observe(begun.elapsed().as_secs_f64());
                if concerns_all {
                    self.changes.raise_all(&touched, &next);
                } else {
                    self.changes.raise(&touched, &next);
                }
                self.projected.send_replace(next.position);
                self.status.send_modify(|status| {
                    status.position = next.position;
                    status.stopped = None;
                });
                traces.end(batch.events);
            }
            written
        };
        let gathering = self.batches.ahead(&batch, ahead, &is_written);
        let (written, ahead) = tokio::join!(writing, gathering);
        match written {
            Ok(Written::Moved(lanes)) => {
                self.checkpoint = next;
                self.lanes.extend(lanes);
                Ok(ahead)
            }
            Ok(Written::Overtaken) => {
                self.reopen().await?;
                Ok(None)
            }
            Err(error) => Err(self.unwritten(error, &batch)),
        }
    }

    /// Whether the tables end right before a place.
    fn is_before(&self, place: Place) -> bool {
        self.checkpoint.position.next() == place.position
    }

    /// Begins anew from the tables' checkpoint, as at a start: after a rebuild, beside another
    /// projector, or after an error. (SQLite ends a transaction by itself when the disk is full,
    /// and another PostgreSQL may be the primary by now; a new connection knows.)
    pub(crate) async fn reopen(&mut self) -> Result<(), ProjectError> {
        self.tables.reopen(&self.url, self.side).await?;
        let (url, side, store) = (&self.url, self.side, &self.store);
        let begun = begin(&mut self.tables, url, side, store, self.partition).await?;
        (self.checkpoint, self.lanes) = begun;
        let checkpoint = self.checkpoint;
        self.changes.begin_anew(&checkpoint);
        self.projected.send_replace(checkpoint.position);
        self.status.send_modify(|status| status.position = checkpoint.position);
        Ok(())
    }

    /// Closes what is open; what comes later opens it again.
    pub(crate) async fn close(&mut self) {
        self.tables.close().await;
    }

    /// Rows that break a rule of the tables come of events that can't be applied.
    fn unwritten(&self, error: WriteError, batch: &Gathered) -> ProjectError {
        match (error, batch.first) {
            (WriteError::Rule(source), Some(first)) => {
                let last = Place { partition: self.partition, position: batch.next.position };
                let why = format!(
                    "an event from there to {last} breaks a rule of the read tables: {}",
                    with_causes(&*source)
                );
                ProjectError::Unapplicable { place: first, why }
            }
            (error, _) => self.failed("write to", error.into_source()),
        }
    }

    fn lost(&self) -> ProjectError {
        self.failed("stay connected to", LOST.into())
    }

    fn failed(
        &self,
        doing: &'static str,
        source: Box<dyn std::error::Error + Send + Sync>,
    ) -> ProjectError {
        ReadModelError::database(doing, &self.url, source).into()
    }
}

/// Where a partition goes on.
async fn begin(
    tables: &mut Tables,
    url: &ReadModelUrl,
    side: Side,
    store: &EventStore,
    partition: Partition,
) -> Result<(Checkpoint, Lanes), ProjectError> {
    let reading = |error: WriteError| ReadModelError::database("read", url, error.into_source());
    let (of, checkpoint) =
        tables.read_checkpoint(partition, store.log_id()).await.map_err(reading)?;
    let lanes = tables.read_lanes().await.map_err(reading)?;
    if side != Side::Live {
        // A draft has one connection at a time.
        tables.close().await;
    }
    let checkpoint = verify(checkpoint, of, url, store, partition).await?;
    Ok((checkpoint, lanes))
}

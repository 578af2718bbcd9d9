//! The projection of one partition: read a batch, add it up, write rows and checkpoint.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_store::{EventStore, Followed, READ_EVENTS_MAX, with_causes};
use log_record::{Partition, Place, Position, RecordedEvent};
use read_model::{Changes, Checkpoint, ReadModelError, ReadModelUrl, Side};
use tokio::sync::watch;
use trace::Tracer;

use crate::ProjectError;
use crate::checkpoint::verify;
use crate::metrics::WriteTimes;
use crate::rows::{Lanes, Rows};
use crate::traces::Traces;
use crate::write::{Batch, Tables, WriteError, Written};

/// The most events in a batch: a quarter of a second of work. A projector that keeps up takes what
/// is there and never as many; one that is behind writes each page once for more of its rows.
pub(crate) const BATCH_EVENTS_MAX: usize = READ_EVENTS_MAX;

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
    /// Begins spans, where the projector follows the log as it grows.
    pub(crate) tracer: Tracer,
}

impl PartitionProjection {
    pub(crate) async fn open(
        url: &ReadModelUrl,
        side: Side,
        store: EventStore,
        partition: Partition,
        write_times: WriteTimes,
    ) -> Result<Self, ProjectError> {
        let (tables, checkpoint, lanes) = open_tables(url, side, &store, partition).await?;
        let status = ProjectionStatus { position: checkpoint.position, ..Default::default() };
        let status = watch::Sender::new(status);
        let projected = watch::Sender::new(checkpoint.position);
        let changes = Arc::new(Changes::since(partition, &checkpoint));
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
            tracer: Tracer::default(),
        })
    }

    pub(crate) fn position(&self) -> Position {
        self.checkpoint.position
    }

    /// The next events, once there are any. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Followed, ProjectError> {
        let known = Place { partition: self.partition, position: self.checkpoint.position };
        // Another server may answer than did before; it must have the same history.
        let mut follower = self.store.follow_from(known, self.checkpoint.checksum)?;
        let mut next = pin!(follower.next(BATCH_EVENTS_MAX));
        tokio::select! {
            events = &mut next => return Ok(events?),
            () = self.tables.lost() => {
                return Err(self.failed("stay connected to", LOST.into()));
            }
            () = tokio::time::sleep(QUIET) => {}
        }
        self.tables.rest().await;
        tokio::select! {
            events = next => Ok(events?),
            () = self.tables.lost() => Err(self.failed("stay connected to", LOST.into())),
        }
    }

    /// The next events, which may be none.
    pub(crate) async fn rest(&mut self) -> Result<Followed, ProjectError> {
        let after = self.checkpoint.position;
        Ok(self.store.read(self.partition, after, BATCH_EVENTS_MAX).await?.into())
    }

    /// The next events up to a position, which may be none.
    pub(crate) async fn rest_up_to(&mut self, end: Position) -> Result<Followed, ProjectError> {
        let left = end.since(self.checkpoint.position);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(BATCH_EVENTS_MAX);
        if most == 0 {
            return Ok(Followed::default());
        }
        Ok(self.store.read(self.partition, self.checkpoint.position, most).await?.into())
    }

    /// Brings a batch that follows the checkpoint into the tables.
    pub(crate) async fn project(&mut self, mut events: Followed) -> Result<(), ProjectError> {
        // What an erasure erases is what was written before it: it ends its batch.
        let is_erasure = |event: &RecordedEvent| *event.event_type == *RecordedEvent::ERASURE;
        let erasure = events.iter().position(is_erasure);
        if let Some(erasure) = erasure {
            events.truncate(erasure + 1);
        }
        let Some(next) = events.last().map(Checkpoint::at) else { return Ok(()) };
        let traces = Traces::begin(&self.tracer, &events);
        let rows = match Rows::of(events.iter()) {
            Ok(rows) => rows,
            Err(ProjectError::Unapplicable { place, why }) => {
                drop(traces);
                return self.stop_at(place, why, events).await;
            }
            Err(error) => return Err(error),
        };
        let concerns_all = rows.concerns_all();
        let touched: Vec<usize> =
            rows.accounts().map(|account| self.changes.mark_of(account)).collect();
        let (partition, from, lanes) = (self.partition, self.checkpoint, self.lanes.clone());
        let begun = Instant::now();
        match self.tables.write(Batch { partition, from, next, lanes, rows }).await {
            Ok(Written::Moved(lanes)) => {
                self.write_times.0.observe(begun.elapsed().as_secs_f64());
                self.checkpoint = next;
                self.lanes.extend(lanes);
                if concerns_all {
                    self.changes.raise_all(&next);
                } else {
                    self.changes.raise(&touched, &next);
                }
                self.projected.send_replace(next.position);
                self.status.send_modify(|status| {
                    status.position = next.position;
                    status.stopped = None;
                });
                traces.end(events.len());
                Ok(())
            }
            Ok(Written::Overtaken) => self.reopen().await,
            Err(error) => Err(self.unwritten(error, &events)),
        }
    }

    /// Projects the events before the one that can't be applied, and records where and why it
    /// stops.
    async fn stop_at(
        &mut self,
        place: Place,
        why: String,
        mut events: Followed,
    ) -> Result<(), ProjectError> {
        let before = events.iter().position(|event| event.place == place);
        events.truncate(before.unwrap_or_default());
        Box::pin(self.project(events)).await?;
        let noted = self.tables.note_stop(place, &why).await;
        noted.map_err(|error| self.unwritten(error, &Followed::default()))?;
        Err(ProjectError::Unapplicable { place, why })
    }

    /// Begins anew from the tables' checkpoint, as at a start: after a rebuild, beside another
    /// projector, or after an error. (SQLite ends a transaction by itself when the disk is full,
    /// and another PostgreSQL may be the primary by now; a new connection knows.)
    pub(crate) async fn reopen(&mut self) -> Result<(), ProjectError> {
        let (tables, checkpoint, lanes) =
            open_tables(&self.url, self.side, &self.store, self.partition).await?;
        (self.tables, self.checkpoint, self.lanes) = (tables, checkpoint, lanes);
        self.changes.raise_all(&checkpoint);
        self.projected.send_replace(checkpoint.position);
        self.status.send_modify(|status| status.position = checkpoint.position);
        Ok(())
    }

    /// Closes what is open; what comes later opens it again.
    pub(crate) async fn close(&mut self) {
        self.tables.close().await;
    }

    /// Rows that break a rule of the tables come of events that can't be applied.
    fn unwritten(&self, error: WriteError, events: &Followed) -> ProjectError {
        match (error, events.first(), events.last()) {
            (WriteError::Rule(source), Some(first), Some(last)) => {
                let why = format!(
                    "an event from there to {} breaks a rule of the read tables: {}",
                    last.place,
                    with_causes(&*source)
                );
                ProjectError::Unapplicable { place: first.place, why }
            }
            (error, _, _) => self.failed("write to", error.into_source()),
        }
    }

    fn failed(
        &self,
        doing: &'static str,
        source: Box<dyn std::error::Error + Send + Sync>,
    ) -> ProjectError {
        ReadModelError::database(doing, &self.url, source).into()
    }
}

async fn open_tables(
    url: &ReadModelUrl,
    side: Side,
    store: &EventStore,
    partition: Partition,
) -> Result<(Tables, Checkpoint, Lanes), ProjectError> {
    let reading = |error: WriteError| ReadModelError::database("read", url, error.into_source());
    let mut tables = Tables::open(url, side).await?;
    let (of, checkpoint) =
        tables.read_checkpoint(partition, store.log_id()).await.map_err(reading)?;
    let lanes = tables.read_lanes().await.map_err(reading)?;
    let checkpoint = verify(checkpoint, of, url, store, partition).await?;
    Ok((tables, checkpoint, lanes))
}

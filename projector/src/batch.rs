//! A batch before it is written: events that follow each other, read in pages, each page added up
//! as soon as it is read.
//!
//! A batch has what there is by the time it is read, up to a limit: a few events while the
//! projector keeps up, and a hundred thousand where it is behind. A page of a table is written once
//! for all rows of a batch, so a row of a large one costs a fraction.

use std::time::Duration;

use event_store::{EventStore, Followed, Follower, READ_EVENTS_MAX};
use log_record::{Partition, Place, Position, RecordedEvent};
use read_model::{Checkpoint, ReadModelUrl};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use trace::Tracer;

use crate::ProjectError;
use crate::rows::Rows;
use crate::senders::Senders;
use crate::traces::Traces;

/// The most events in the batches of all partitions of a SQLite file, which take turns to write;
/// but each may have a page. Their rows take some 130 MB; as many again are made while they are
/// written.
const EVENTS_MAX: usize = 8 * READ_EVENTS_MAX;

/// The most bytes of texts in a batch: events may be large, and rows take up to four times that.
const BYTES_MAX: usize = 64 << 20;

/// Up to this many events are made into rows at once: to wake another thread would take longer.
const FEW: usize = 256;

/// While a batch of at least this many events is written, the next one is made.
const LARGE: usize = 1_024;

/// How often it looks for what comes while the batch before is written.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What a batch may have.
#[derive(Clone, Copy, Debug)]
struct Limits {
    events: usize,
    /// The last event that may be in it.
    end: Position,
}

/// Makes batches of the events of a partition.
#[derive(Clone, Debug)]
pub(crate) struct Batches {
    store: EventStore,
    partition: Partition,
    events_max: usize,
    /// Begins spans, where the projector follows the log as it grows.
    pub(crate) tracer: Tracer,
    /// Whom receipts wait for.
    pub(crate) senders: Senders,
}

/// A batch that can be written.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// What it follows.
    pub(crate) from: Checkpoint,
    /// At its last event.
    pub(crate) next: Checkpoint,
    pub(crate) first: Option<Place>,
    pub(crate) events: usize,
    pub(crate) rows: Rows,
    pub(crate) traces: Traces,
    /// The event after it that can't be applied, and why.
    pub(crate) stop: Option<(Place, String)>,
    /// What isn't in the tables yet, and is received by the event after it.
    pub(crate) awaits: Option<Place>,
    bytes: usize,
    /// Nothing may follow in this batch.
    is_over: bool,
}

/// What is made of the log while a batch is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ahead {
    Nothing,
    /// What there is.
    Rest,
    /// And what comes until it is written.
    Coming,
}

impl Batches {
    pub(crate) fn new(url: &ReadModelUrl, store: EventStore, partition: Partition) -> Self {
        let events_max = match url {
            ReadModelUrl::Sqlite(_) => {
                (EVENTS_MAX / usize::from(store.partitions().max(1))).max(READ_EVENTS_MAX)
            }
            // It gets a batch as arrays, which take a multiple of the rows on both sides.
            ReadModelUrl::Postgres(_) => READ_EVENTS_MAX,
        };
        let (tracer, senders) = (Tracer::default(), Senders::default());
        Self { store, partition, events_max, tracer, senders }
    }

    /// Reads on after an event. Another server may answer than did before; it must have the same
    /// history.
    pub(crate) fn follow(&self, from: &Checkpoint) -> Result<Follower, ProjectError> {
        let known = Place { partition: self.partition, position: from.position };
        Ok(self.store.follow_from(known, from.checksum)?)
    }

    /// The events up to a position, which may be none.
    pub(crate) async fn up_to(
        &self,
        from: Checkpoint,
        end: Position,
    ) -> Result<Gathered, ProjectError> {
        let limits = self.limits(end);
        let mut follower = self.follow(&from)?;
        self.unless_unapplicable(from, self.gather(self.after(from), &mut follower, limits)).await
    }

    /// A batch that begins with some events that a follower gave.
    pub(crate) async fn begin(
        &self,
        from: Checkpoint,
        events: Followed,
        follower: &mut Follower,
    ) -> Result<Gathered, ProjectError> {
        let limits = self.limits(Position(u64::MAX));
        let batch = async {
            let is_page = events.len() >= READ_EVENTS_MAX.min(limits.events);
            let batch = self.after(from).add(self, events).await?;
            // Where a page was full there may be more.
            if is_page { self.gather(batch, follower, limits).await } else { Ok(batch) }
        };
        self.unless_unapplicable(from, batch).await
    }

    /// What follows a batch that is being written, if anything does. Unless only the rest is
    /// wanted, it goes back to the log for what comes, and ends once that is written.
    pub(crate) async fn ahead(
        &self,
        of: &Gathered,
        ahead: Ahead,
        written: &CancellationToken,
    ) -> Option<Gathered> {
        if ahead == Ahead::Nothing || of.events < LARGE {
            return None;
        }
        // Whatever fails here fails again once it is the next batch's turn.
        let limits = self.limits(Position(u64::MAX));
        let mut follower = self.follow(&of.next).ok()?;
        let mut batch = self.after(of.next);
        if ahead == Ahead::Rest {
            batch = self.gather(batch, &mut follower, limits).await.ok()?;
        }
        let mut is_over = ahead == Ahead::Rest;
        while !is_over {
            is_over = written.is_cancelled();
            if let Some(asked) = batch.room(limits) {
                let events = follower.available(asked).await.ok()?;
                let is_page = events.len() >= asked;
                batch = batch.add(self, events).await.ok()?;
                if is_page {
                    continue;
                }
            }
            if !is_over {
                drop(timeout(LOOK_AGAIN, written.cancelled()).await);
            }
        }
        (!batch.is_empty()).then_some(batch)
    }

    fn after(&self, from: Checkpoint) -> Gathered {
        Gathered {
            from,
            next: from,
            first: None,
            events: 0,
            rows: Rows::of_partitions(self.store.partitions()),
            traces: Traces::default(),
            stop: None,
            awaits: None,
            bytes: 0,
            is_over: false,
        }
    }

    const fn limits(&self, end: Position) -> Limits {
        Limits { events: self.events_max, end }
    }

    /// Adds pages to a batch while they are full.
    async fn gather(
        &self,
        mut batch: Gathered,
        follower: &mut Follower,
        limits: Limits,
    ) -> Result<Gathered, ProjectError> {
        while let Some(asked) = batch.room(limits) {
            let events = follower.available(asked).await?;
            let is_page = events.len() >= asked;
            batch = batch.add(self, events).await?;
            if !is_page {
                break;
            }
        }
        Ok(batch)
    }

    /// Where an event can't be applied, the batch has what is before it.
    async fn unless_unapplicable(
        &self,
        from: Checkpoint,
        batch: impl Future<Output = Result<Gathered, ProjectError>>,
    ) -> Result<Gathered, ProjectError> {
        let (place, why) = match batch.await {
            Err(ProjectError::Unapplicable { place, why }) => (place, why),
            other => return other,
        };
        let limits = self.limits(Position(place.position.0.saturating_sub(1)));
        let mut follower = self.follow(&from)?;
        let batch = self.gather(self.after(from), &mut follower, limits).await?;
        Ok(Gathered { stop: Some((place, why)), ..batch })
    }
}

impl Gathered {
    /// Whether there is nothing to write.
    pub(crate) const fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// How many events may be read next.
    fn room(&self, limits: Limits) -> Option<usize> {
        let left = usize::try_from(limits.end.since(self.next.position)).unwrap_or(usize::MAX);
        let room = limits.events.saturating_sub(self.events).min(left).min(READ_EVENTS_MAX);
        (room > 0 && self.bytes < BYTES_MAX && !self.is_over).then_some(room)
    }

    async fn add(mut self, to: &Batches, mut events: Followed) -> Result<Self, ProjectError> {
        if let Some((receipt, sent)) = to.senders.first_missing(events.iter()) {
            events.truncate(receipt);
            (self.awaits, self.is_over) = (Some(sent), true);
        }
        // What an erasure erases is what was written before it: it ends its batch.
        let is_erasure = |event: &RecordedEvent| *event.event_type == *RecordedEvent::ERASURE;
        let erasure = events.iter().position(is_erasure);
        if let Some(erasure) = erasure {
            events.truncate(erasure + 1);
            self.is_over = true;
        }
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(self) };
        self.first.get_or_insert(first.place);
        self.next = Checkpoint::at(last);
        self.events += events.len();
        self.bytes += events.iter().map(RecordedEvent::text_bytes).sum::<usize>();
        self.traces.begin(&to.tracer, &events);
        if events.len() <= FEW {
            self.rows.add_all(events.iter())?;
            return Ok(self);
        }
        // A thread of the runtime has every request of the process to serve.
        let mut rows = std::mem::take(&mut self.rows);
        let added = spawn_blocking(move || {
            rows.add_all(events.iter())?;
            Ok::<_, ProjectError>(rows)
        });
        self.rows = match added.await {
            Ok(rows) => rows?,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime ends.
                Err(_) => std::future::pending().await,
            },
        };
        Ok(self)
    }
}

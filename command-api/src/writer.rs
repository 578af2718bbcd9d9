//! The one writer of a partition: takes the commands that wait, decides each against the state in
//! memory, appends all their events at once, then answers.
//!
//! While one batch commits, the next is gathered and decided; there is no timer, a batch is
//! whatever arrived meanwhile. There is no lock and no read of the log on the way of a redemption.
//!
//! A crash loses only unanswered commands; the client repeats them with the same id. In reading
//! order: `answer.rs` (what is asked and answered), this file (the handle), `gate.rs` and
//! `pressure.rs` (who isn't let into the queue), `queue.rs` (who comes first), `run.rs` (the task
//! that decides), `across.rs` (what other partitions have to do with it).

mod across;
pub(crate) mod answer;
mod batch;
mod breaker;
mod clock;
pub(crate) mod command_trace;
pub(crate) mod commits;
mod config;
mod decide;
mod gate;
pub(crate) mod neighbours;
mod pressure;
mod pull;
pub(crate) mod queue;
mod queued_command;
mod receive;
pub(crate) mod record;
mod recover;
mod run;
mod salts;
mod serve;
mod status;
mod sweep;
mod switched;
mod unwanted;
mod waiting;

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Clock, Command, Event, IdHash, Subject, Timestamp};
use event_schema::decode;
use event_store::EventStore;
use futures_util::future::try_join_all;
use log_record::{Partition, Place, Position};
use tokio::sync::{mpsc, oneshot, watch};
use trace::Tracer;

use across::Across;
pub use answer::{Answer, NotDecided, Request, Unanswered};
pub use clock::{ClockDoubt, ClockReading, ReadClock};
use command_trace::CommandTrace;
use commits::Commits;
pub use config::{Decide, StartError, WriterConfig};
use gate::Gate;
use neighbours::{Neighbours, Word};
use pressure::Pressure;
use queue::{Queue, queue};
use queued_command::{Claim, QueuedCommand, Reply};
pub use status::{StopReason, WriterStatus};

/// A handle to a running writer; clones share it. It stops when the last is dropped, after it has
/// answered what is in its queue.
#[derive(Clone, Debug)]
pub struct Writer(Arc<Handle>);

/// Behind one pointer, because every request clones it.
#[derive(Debug)]
struct Handle {
    queue: Queue,
    gate: Arc<Gate>,
    pressure: Arc<Pressure>,
    /// The log, which the submitting tasks read.
    store: EventStore,
    status: watch::Receiver<WriterStatus>,
    deadline: Duration,
    read_clock: ReadClock,
    clock: Clock,
    loaded_from: Position,
    tracer: Tracer,
}

impl Writer {
    /// Takes over the partition, rebuilds its state from the log, and begins to decide in a task of
    /// its own. The receiver gets a message when the writer has stopped.
    pub async fn start(
        config: WriterConfig,
        partition: Partition,
    ) -> Result<(Self, oneshot::Receiver<()>), StartError> {
        Self::start_among(config, partition, None, None).await
    }

    /// The same among the writers of other partitions; `last_of_all` is the time of the last event
    /// of all partitions.
    pub(crate) async fn start_among(
        config: WriterConfig,
        partition: Partition,
        across: Option<(Arc<Neighbours>, Commits, mpsc::Receiver<Word>)>,
        last_of_all: Option<Timestamp>,
    ) -> Result<(Self, oneshot::Receiver<()>), StartError> {
        let (queue, commands) = queue();
        let (status, watched) = watch::channel(WriterStatus::Serving);
        let store = config.store.clone();
        let gate = Arc::new(Gate::new(store.is_exclusive(), across.is_some()));
        let across =
            across.map(|(neighbours, commits, words)| Across::new(neighbours, commits, words));
        let (deadline, read_clock) = (config.deadline, config.read_clock.clone());
        let tracer = config.tracer.clone();
        let pressure = Pressure::new(config.metrics.overload().clone(), config.shed_after);
        let pressure = Arc::new(pressure);
        let shared = (Arc::clone(&gate), Arc::clone(&pressure));
        let run = run::Run::start(config, partition, commands, shared, status, across, last_of_all)
            .await?;
        let (clock, loaded_from) = (run.clock.source(), run.loaded_from);
        run.metrics.watch(queue.lengths());
        let (stopped, has_stopped) = oneshot::channel();
        tokio::spawn(async move {
            run.until_stopped().await;
            // Whoever asked for the message may have gone.
            let _ = stopped.send(());
        });
        let handle = Handle {
            queue,
            gate,
            pressure,
            store,
            status: watched,
            deadline,
            read_clock,
            clock,
            loaded_from,
            tracer,
        };
        Ok((Self(Arc::new(handle)), has_stopped))
    }

    /// Submits the command and waits for its durable outcome. Whatever must be read of the log for
    /// that is read here, by the caller's task, and never by the writer's.
    pub async fn submit(&self, request: Request) -> Result<Answer, Unanswered> {
        let given = request.wait.map_or(self.0.deadline, |wait| wait.min(self.0.deadline));
        let mut request = Arc::new(request);
        loop {
            // A read of the log takes nothing off the time that the command has at the writer.
            match self.decide(&request, given).await? {
                Reply::Answer(answer) => return Ok(answer),
                // What is seldom is in a box: every command's future would have room for it.
                Reply::Repeat { place, last, subject } => {
                    let comparing = self.compare(&request.command, place, last, subject);
                    return Box::pin(comparing).await;
                }
                // The event under an id never moves, so this happens once, or twice where the id
                // was recorded meanwhile.
                Reply::Load(place) => {
                    let command = Box::pin(self.load(&request.command, place)).await?;
                    request = Arc::new(Request { command, ..Request::clone(&request) });
                }
            }
        }
    }

    /// Queues the command, unless it is turned away before, and waits so long for the writer's
    /// reply.
    async fn decide(&self, request: &Arc<Request>, given: Duration) -> Result<Reply, Unanswered> {
        let id = request.command.id_hash();
        if let (Command::Redeem(redeem), Some(id)) = (&request.command, id)
            && !request.is_dry_run
            && let Some(refusal) = self.0.gate.turn_away(redeem, id)
        {
            return Ok(Reply::Answer(Answer::Refused(refusal)));
        }
        let is_new = || id.is_none_or(|id| !self.0.gate.knows(id));
        self.0
            .pressure
            .admit(request, self.0.queue.waiting(), is_new)
            .map_err(Unanswered::NotDecided)?;
        let queued_at = Instant::now();
        let deadline = queued_at + given;
        let claim = Arc::new(Claim::default());
        let (reply, replied) = oneshot::channel();
        let command = QueuedCommand {
            request: Arc::clone(request),
            queued_at,
            deadline,
            claim: Arc::clone(&claim),
            reply,
            trace: CommandTrace::begin(&self.0.tracer, request),
            _in_flight: id.map(|id| self.0.gate.enter(id)),
        };
        self.0.queue.push(request.class(), command).map_err(Unanswered::NotDecided)?;
        match tokio::time::timeout_at(deadline.into(), replied).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) if claim.withdraw() => Err(Unanswered::NotDecided(NotDecided::Stopped)),
            Err(_) if claim.withdraw() => Err(Unanswered::NotDecided(NotDecided::DeadlinePassed)),
            Ok(Err(_)) | Err(_) => Err(Unanswered::OutcomeUnknown),
        }
    }

    /// Compares the command with the request for which its id was recorded.
    async fn compare(
        &self,
        command: &Command,
        place: Place,
        last: Place,
        subject: Option<Subject>,
    ) -> Result<Answer, Unanswered> {
        let event = Box::new(self.read(place).await?);
        Ok(match command.first_difference(&event) {
            Some(field) => Answer::IdReused(field),
            None => Answer::Repeat { place, event, last, subject },
        })
    }

    /// Adds the event at `place` and those before it that belong to it to the command.
    async fn load(&self, command: &Command, place: Place) -> Result<Command, Unanswered> {
        let before = |events: u64| Place {
            position: Position(place.position.0.saturating_sub(events)),
            ..place
        };
        // For one unit, which is the rule, both are read at once.
        let (last, event) = tokio::try_join!(self.read(before(1)), self.read(place))?;
        let further =
            (2..=event.events_before() as u64).rev().map(|events| self.read(before(events)));
        let mut before = try_join_all(further).await?;
        before.push(last);
        command.with_original(&before, place.position, &event).ok_or_else(|| {
            let command = command.name();
            tracing::error!(command, %place, "an event of another kind was loaded");
            Unanswered::Failed
        })
    }

    /// Reads an event. When its time is up, a read that hasn't begun is left undone.
    async fn read(&self, place: Place) -> Result<Event, Unanswered> {
        let read = tokio::time::timeout(self.0.deadline, self.0.store.read_one(place)).await;
        let row = read.map_err(|_| {
            tracing::error!(%place, "an event can't be read in time");
            Unanswered::OriginalUnread
        })?;
        let row = row.map_err(|error| {
            let source = &error as &dyn std::error::Error;
            tracing::error!(error = source, %place, "an event can't be read");
            // A file of the archive can be put back.
            if error.is_passing() { Unanswered::OriginalUnread } else { Unanswered::Failed }
        })?;
        let (_, event) = decode(&row).map_err(|error| {
            let source = &error as &dyn std::error::Error;
            tracing::error!(error = source, %place, "an event can't be decoded");
            Unanswered::Failed
        })?;
        Ok(event)
    }

    /// The event that bears an id, if it was decided on; it may not be durable yet.
    pub(crate) fn position_of(&self, id: IdHash) -> Option<Position> {
        self.0.gate.position_of(id)
    }

    /// The event at a place of the log.
    pub(crate) async fn event(&self, place: Place) -> Result<Event, Unanswered> {
        self.read(place).await
    }

    /// Whether it decides no more.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(*self.0.status.borrow(), WriterStatus::Stopped(_))
    }

    /// How long a command waits for the writer, and how long one read of the log for it may take.
    pub(crate) fn deadline(&self) -> Duration {
        self.0.deadline
    }

    /// Where the log takes its time from.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.0.clock
    }

    /// The snapshot's position; `START` without a snapshot.
    #[must_use]
    pub fn loaded_from(&self) -> Position {
        self.0.loaded_from
    }

    /// The clocks that the writer goes by.
    #[must_use]
    pub fn read_clock(&self) -> &ReadClock {
        &self.0.read_clock
    }

    /// The writer's status, now and as it changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<WriterStatus> {
        self.0.status.clone()
    }
}

//! The one writer of a partition: takes the commands that wait, decides each against the state in
//! memory, appends all their events at once, then answers.
//!
//! While one batch commits, the next is gathered and decided; there is no timer, a batch is
//! whatever arrived meanwhile. There is no lock and no read of the log on the way of a redemption.
//!
//! What may be lost when the process dies, at each step: a command in the queue, decided or being
//! appended is unanswered, and its client asks again with the same id; once it is answered it is
//! durable. `run.rs` is the loop; `recover.rs` is what follows a failed append or a panic.

mod batch;
mod clock;
mod gate;
mod pending;
mod recover;
mod run;
mod salts;
mod sweep;
mod unwanted;

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::command::Preview;
use domain::{
    Clock, Command, Decision, EarningRule, Event, Offer, Policy, Refusal, State, Timestamp,
};
use event_store::{EventStore, StoreError};
use log_record::{Partition, Place, Position, Principal};
use tokio::sync::{mpsc, oneshot, watch};

pub use clock::{ReadClock, Reading};
use gate::Gate;
use pending::{Claim, Pending};

use crate::restart::{LoadError, Snapshots};

/// The most commands that wait for the writer. At 30,000 a second it is a quarter of a second's
/// worth; past it, waiting longer would help nobody.
const QUEUE_COMMANDS_MAX: usize = 8192;

/// How a command is decided: [`domain::decide`], or what a test puts in its place.
pub type Decide = fn(&State, &Command, Timestamp) -> Result<Decision, Refusal>;

/// What a writer is started with.
#[derive(Clone, Debug)]
pub struct WriterConfig {
    /// The log.
    pub store: EventStore,
    /// The partition that it writes.
    pub partition: Partition,
    /// Where snapshots are, if anywhere.
    pub snapshots: Option<Snapshots>,
    /// How long a command may take, from its arrival to its answer.
    pub deadline: Duration,
    /// Where the log takes its time from; without it, as it was opened, and a new one from the wall
    /// clock.
    pub clock: Option<Clock>,
    /// How the machine's clocks are read.
    pub read_clock: ReadClock,
    /// How commands are decided.
    pub decide: Decide,
}

impl WriterConfig {
    /// A writer that decides as the domain does, by the machine's clocks.
    #[must_use]
    pub fn new(store: EventStore, partition: Partition, deadline: Duration) -> Self {
        let read_clock = ReadClock::system();
        let (snapshots, clock) = (None, None);
        Self { store, partition, snapshots, deadline, clock, read_clock, decide: domain::decide }
    }
}

/// A command, and what is known of where it came from.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked; shared with whoever compares a repeat with it.
    pub command: Arc<Command>,
    /// Whether nothing is to be recorded: what a redemption would do is all that is asked.
    pub is_dry_run: bool,
    /// Who asks. It is no part of the command: a repeat by another caller is the same command.
    pub principal: Option<Arc<Principal>>,
    /// The trace that it is part of.
    pub traceparent: Option<Box<str>>,
}

/// The outcome of a command, durable when it is given.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It was recorded.
    Recorded {
        /// Where the event stands that bears the command's id.
        place: Place,
        /// That event.
        event: Box<Event>,
        /// Where the last of its events stands.
        last: Place,
        /// What was set, as it then stood, where the command sets something.
        subject: Option<Subject>,
    },
    /// Its id was recorded before.
    Repeat {
        /// Where the event stands that bears it.
        place: Place,
        /// An event by which all that came of it is recorded.
        last: Place,
    },
    /// What stands at this place is needed to decide, and is durable: ask again with it.
    Original(Place),
    /// What was asked for was so already.
    Standing(Place, Subject),
    /// What a redemption would do; nothing was recorded.
    Preview(Box<Preview>),
    /// It was refused.
    Refused(Refusal),
}

/// What a command sets as a whole.
#[derive(Clone, Debug)]
pub enum Subject {
    /// An offer.
    Offer(Box<Offer>),
    /// An earning rule.
    Rule(Box<EarningRule>),
    /// The policy.
    Policy(Policy),
}

/// Why there is no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Nothing happened.
    NotDecided(NotDecided),
    /// It was decided, and whether it was recorded isn't known yet.
    OutcomeUnknown,
    /// Deciding it failed, and it will not be tried again until the next start. Nothing happened.
    Panicked,
}

/// Why a command was not decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDecided {
    /// Too many commands wait.
    QueueFull,
    /// Its time was over before its turn came.
    DeadlinePassed,
    /// Another writer has taken over.
    Deposed,
    /// The wall clock can't be trusted until an operator confirms it.
    ClockUnconfirmed,
    /// The writer is stopping or has stopped.
    Stopped,
}

/// How the writer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriterStatus {
    /// It decides and appends.
    Serving,
    /// It decides and appends, but what falls due is no longer recorded in the background, since
    /// that failed.
    NotSweeping,
    /// It decides nothing until an operator confirms the clock, for this reason.
    ClockUnconfirmed(String),
    /// An append failed or a decision panicked; it is finding out what the log holds.
    Recovering,
    /// It decides no more, for this reason.
    Stopped(String),
}

/// A writer could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log refused.
    #[error("the writer can't take over partition {partition} of the log")]
    TakeOver {
        /// Which.
        partition: Partition,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The state couldn't be rebuilt.
    #[error("the state of partition {partition} can't be rebuilt from the log")]
    Load {
        /// Which.
        partition: Partition,
        /// Why.
        #[source]
        source: LoadError,
    },
    /// The log takes its time from elsewhere.
    #[error("the log was opened with --clock {}, and --clock says {}; it can't be changed later",
        opened.as_str(), asked.as_str())]
    OtherClock {
        /// Where the log takes it from.
        opened: Clock,
        /// Where it was to take it from.
        asked: Clock,
    },
    /// The log couldn't be opened with its first event.
    #[error("the first event of partition {partition} can't be appended")]
    OpenLog {
        /// Which.
        partition: Partition,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A handle to a running writer; clones share it. It stops when the last is dropped, after it has
/// answered what is in its queue.
#[derive(Clone, Debug)]
pub struct Writer(Arc<Handle>);

/// Behind one pointer, because every request clones it.
#[derive(Debug)]
struct Handle {
    queue: mpsc::Sender<Pending>,
    gate: Arc<Gate>,
    status: watch::Receiver<WriterStatus>,
    deadline: Duration,
    read_clock: ReadClock,
    clock: Clock,
    loaded_from: Position,
}

impl Writer {
    /// Takes over the partition, rebuilds its state from the log, and begins to decide in a task of
    /// its own. The receiver is told when the writer has stopped.
    pub async fn start(config: WriterConfig) -> Result<(Self, oneshot::Receiver<()>), StartError> {
        let (queue, commands) = mpsc::channel(QUEUE_COMMANDS_MAX);
        let (status, watched) = watch::channel(WriterStatus::Serving);
        let gate = Arc::new(Gate::new(config.store.is_exclusive()));
        let (deadline, read_clock) = (config.deadline, config.read_clock.clone());
        let run = run::Run::start(config, commands, Arc::clone(&gate), status).await?;
        let (clock, loaded_from) = (run.clock.source(), run.loaded_from);
        let (stopped, has_stopped) = oneshot::channel();
        tokio::spawn(async move {
            run.until_stopped().await;
            // Whoever asked to be told may have gone.
            let _ = stopped.send(());
        });
        let handle =
            Handle { queue, gate, status: watched, deadline, read_clock, clock, loaded_from };
        Ok((Self(Arc::new(handle)), has_stopped))
    }

    /// Has the command decided, and gives the outcome once it is durable.
    pub async fn submit(&self, request: Request) -> Result<Answer, Unanswered> {
        let id = request.command.id_hash();
        if let (Command::Redeem(redeem), Some(id)) = (&*request.command, id)
            && !request.is_dry_run
            && let Some(refusal) = self.0.gate.turn_away(redeem, id)
        {
            return Ok(Answer::Refused(refusal));
        }
        let deadline = Instant::now() + self.0.deadline;
        let claim = Arc::new(Claim::default());
        let (reply, answered) = oneshot::channel();
        let pending = Pending {
            request,
            deadline,
            claim: Arc::clone(&claim),
            reply,
            _in_flight: id.map(|id| self.0.gate.enter(id)),
        };
        self.0.queue.try_send(pending).map_err(|error| {
            Unanswered::NotDecided(match error {
                mpsc::error::TrySendError::Full(_) => NotDecided::QueueFull,
                mpsc::error::TrySendError::Closed(_) => NotDecided::Stopped,
            })
        })?;
        match tokio::time::timeout_at(deadline.into(), answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) if claim.withdraw() => Err(Unanswered::NotDecided(NotDecided::Stopped)),
            Err(_) if claim.withdraw() => Err(Unanswered::NotDecided(NotDecided::DeadlinePassed)),
            Ok(Err(_)) | Err(_) => Err(Unanswered::OutcomeUnknown),
        }
    }

    /// Where the log takes its time from.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.0.clock
    }

    /// The last event of the snapshot that it started from; before the first, where there was none.
    #[must_use]
    pub fn loaded_from(&self) -> Position {
        self.0.loaded_from
    }

    /// The clocks that the writer goes by.
    #[must_use]
    pub fn read_clock(&self) -> &ReadClock {
        &self.0.read_clock
    }

    /// How the writer is, and how it comes to be.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<WriterStatus> {
        self.0.status.clone()
    }
}

/// A position in a partition.
const fn place(partition: Partition, position: Position) -> Place {
    Place { partition, position }
}

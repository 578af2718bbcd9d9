//! A command on its way through the writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use domain::Subject;
use log_record::Place;
use tokio::sync::oneshot;

use super::answer::{Answer, Request, Unanswered};
use super::command_trace::CommandTrace;
use super::gate::InFlight;

/// A command that waits for its reply.
#[derive(Debug)]
pub(super) struct QueuedCommand {
    pub(super) request: Arc<Request>,
    pub(super) queued_at: Instant,
    /// After it, the command isn't decided any more.
    pub(super) deadline: Instant,
    pub(super) claim: Arc<Claim>,
    pub(super) reply: oneshot::Sender<Result<Reply, Unanswered>>,
    /// Its spans, where it is traced.
    pub(super) trace: Option<Box<CommandTrace>>,
    /// Its id counts as in flight until this is dropped, which is after the id is in the map.
    pub(super) _in_flight: Option<InFlight>,
}

/// What the writer's task gives to the task that submitted the command. The submitting task makes
/// an answer of it, and reads the log for that where it must: the writer never does.
#[derive(Debug)]
pub(super) enum Reply {
    /// There is nothing to add.
    Answer(Answer),
    /// The id was recorded before.
    Repeat {
        /// The event that bears the id.
        place: Place,
        /// An event by which all that followed from the command is recorded.
        last: Place,
        /// The thing that the command is about, as it is now.
        subject: Option<Subject>,
    },
    /// Deciding needs the event at this place, which is durable, and those before it that belong to
    /// it.
    Load(Place),
}

impl QueuedCommand {
    /// Whether somebody still waits for it in time.
    pub(super) fn is_wanted(&self, now: Instant) -> bool {
        !self.reply.is_closed() && now < self.deadline
    }

    /// How long it has waited.
    pub(super) fn waited(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.queued_at)
    }

    pub(super) fn answer(self, outcome: Result<Reply, Unanswered>) {
        if let Some(trace) = self.trace {
            trace.end(&outcome);
        }
        // Whoever waited may have gone; the outcome is the same.
        drop(self.reply.send(outcome));
    }
}

/// Decides between the writer and the waiting task whether the command was decided: the writer
/// claims it before deciding, and a task that gives up withdraws it, where it isn't claimed.
#[derive(Debug, Default)]
pub(super) struct Claim(AtomicBool);

impl Claim {
    /// The writer claims the command before it decides; false where the command was withdrawn.
    pub(super) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// The waiting task gives up; false where the command may have been decided.
    pub(super) fn withdraw(&self) -> bool {
        self.take()
    }

    /// The decision was thrown away, and certainly didn't land: it may be made afresh.
    pub(super) fn put_back(&self) {
        self.0.store(false, Ordering::Release);
    }
}

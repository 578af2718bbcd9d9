//! A command on its way through the writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::sync::oneshot;

use super::gate::InFlight;
use super::{Answer, Request, Unanswered};

/// A command that waits for its answer.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) request: Request,
    /// Past it, the command isn't decided any more.
    pub(super) deadline: Instant,
    pub(super) claim: Arc<Claim>,
    pub(super) reply: oneshot::Sender<Result<Answer, Unanswered>>,
    /// Its id counts as in flight until this is dropped, which is after the id is in the map.
    pub(super) _in_flight: Option<InFlight>,
}

impl Pending {
    /// Whether somebody still waits for it in time.
    pub(super) fn is_wanted(&self) -> bool {
        !self.reply.is_closed() && Instant::now() < self.deadline
    }

    pub(super) fn answer(self, outcome: Result<Answer, Unanswered>) {
        // Whoever waited may have gone; the outcome stands all the same.
        drop(self.reply.send(outcome));
    }
}

/// Settles between the writer and the one who waits whether a command was decided: the writer
/// claims it before deciding, and whoever gives up withdraws it, if it isn't claimed.
#[derive(Debug, Default)]
pub(super) struct Claim(AtomicBool);

impl Claim {
    /// The writer's word before it decides; false where the command was withdrawn.
    pub(super) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// The waiting one's word when it gives up; false where the command may have been decided.
    pub(super) fn withdraw(&self) -> bool {
        self.take()
    }

    /// What was decided was thrown away, and certainly didn't land: it may be decided afresh.
    pub(super) fn put_back(&self) {
        self.0.store(false, Ordering::Release);
    }
}

//! Commands that have arrived, decided one after the other into a batch.
#![expect(
    clippy::result_large_err,
    reason = "a batch that can't go on is given back, which is rare"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use domain::{Command, Decision, Refusal, StockChange, Subject, Timestamp, Wait};
use event_schema::Metadata;
use log_record::Position;
use sha2::{Digest, Sha256};

use super::answer::{Answer, NotDecided, Request, Unanswered};
use super::batch::Batch;
use super::queued_command::{QueuedCommand, Reply};
use super::record::Unrecordable;
use super::run::Run;

/// The most commands in a batch, and the most commands and messages of other partitions: about
/// 2,000 events, 5 ms of SQLite's time, so that a command waits for at most two such commits.
pub(super) const BATCH_COMMANDS_MAX: usize = 1024;

/// What the writer has decided on a command.
enum Decided {
    /// This is replied, once the batch is durable.
    Reply(Reply),
    /// It waits for other partitions.
    Wait(Wait),
    /// It isn't decided now.
    Not(NotDecided),
}

impl Run {
    /// Takes in what other partitions have sent, and decides what has arrived into the batch. The
    /// batch comes back as an error where the state can't be trusted any more.
    pub(super) fn decide_all(
        &mut self,
        arrived: &mut Vec<QueuedCommand>,
        into: Batch,
    ) -> Result<Batch, Batch> {
        if self.across.is_none() {
            return self.decide_arrived(arrived, into);
        }
        let into = self.attend(arrived, into)?;
        let into = self.decide_arrived(arrived, into)?;
        self.inquire();
        self.keep_pulling();
        Ok(into)
    }

    /// Decides what has arrived into the batch, until the batch is full; the rest stays in
    /// `arrived`. The batch comes back as an error where the state can't be trusted any more; what
    /// had not been looked at by then waits in `redo`.
    fn decide_arrived(
        &mut self,
        arrived: &mut Vec<QueuedCommand>,
        mut into: Batch,
    ) -> Result<Batch, Batch> {
        if arrived.is_empty() || into.is_full() {
            return Ok(into);
        }
        let mut may_decide = self.check_clock();
        if !may_decide {
            into = self.record_doubt(into).inspect_err(|_| self.redo.append(arrived))?;
        }
        let mut arriving = std::mem::take(arrived).into_iter();
        while !into.is_full()
            && let Some(mut command) = arriving.next()
        {
            // Claimed first: from here on, who gives up is told that the outcome isn't known.
            let now = Instant::now();
            self.metrics.waited(command.request.class(), command.waited(now));
            if !command.is_wanted(now) {
                command.answer(Err(Unanswered::NotDecided(NotDecided::DeadlinePassed)));
                continue;
            }
            if !command.claim.take() {
                continue;
            }
            let mut is_near = true;
            if let Command::ConfirmClock(confirmation) = &command.request.command
                && !command.request.is_dry_run
            {
                is_near = self.clock.confirm(self.state.position().next(), confirmation.wall);
                may_decide = self.check_clock();
            }
            if !(may_decide && is_near) {
                command.answer(Err(Unanswered::NotDecided(NotDecided::ClockUnconfirmed)));
                continue;
            }
            let fingerprint = self.fingerprint_if_any_panicked(&command.request);
            if fingerprint.is_some_and(|print| self.panicked.contains(&print)) {
                command.answer(Err(Unanswered::Panicked));
                continue;
            }
            if let Some(trace) = &mut command.trace {
                trace.taken();
            }
            let decided =
                catch_unwind(AssertUnwindSafe(|| self.decide_one(&command.request, &mut into)));
            match decided {
                Ok(Ok(Decided::Wait(wait))) => {
                    self.let_wait(command, wait);
                    into.end_command();
                }
                // It tells nothing of the batch, so it waits for no append.
                Ok(Ok(Decided::Not(why))) => command.answer(Err(Unanswered::NotDecided(why))),
                Ok(Ok(Decided::Reply(reply))) => {
                    if let Some(trace) = &mut command.trace {
                        trace.decided(&reply);
                    }
                    into.decided.push((command, reply));
                    into.end_command();
                }
                failed => {
                    // What it left half done goes with the state.
                    if let Ok(Err(error)) = failed {
                        tracing::error!(error = %error, "a decision can't be recorded");
                    }
                    self.panicked.insert(fingerprint_of(&command.request));
                    command.answer(Err(Unanswered::Panicked));
                    self.redo.extend(arriving);
                    return Err(into);
                }
            }
        }
        arrived.extend(arriving);
        Ok(into)
    }

    fn decide_one(&mut self, request: &Request, into: &mut Batch) -> Result<Decided, Unrecordable> {
        let command = &request.command;
        let answer = |it| Ok(Decided::Reply(Reply::Answer(it)));
        if let Some(wall) = self.clock.if_ahead(command.occurred_at())
            && command.recorded_at(&self.state).is_none()
        {
            return answer(Answer::Refused(Refusal::TimeAhead { wall }));
        }
        let now = self.clock.now(self.state.recorded_at(), command.occurred_at());
        if request.is_dry_run {
            return Ok(self.preview(command, now));
        }
        let decided = (self.config.decide)(&self.state, command, now);
        if let Ok(Decision::Record { .. } | Decision::Wait(_)) = &decided
            && let Some(switch) = self.switch_against(command)
        {
            return Ok(Decided::Not(NotDecided::SwitchedOff(switch)));
        }
        let (mut events, outcome, stock) = match decided {
            Err(refusal) => return answer(Answer::Refused(refusal)),
            Ok(Decision::Repeat(at)) => return Ok(Decided::Reply(self.repeat(command, at, now))),
            Ok(Decision::Load(at)) => return Ok(Decided::Reply(Reply::Load(self.place(at)))),
            Ok(Decision::Unchanged) => {
                let subject = command.subject(&self.state, now);
                let (subject, at) = subject.ok_or(Unrecordable::NoSubject)?;
                return answer(Answer::Unchanged(self.place(at), subject));
            }
            Ok(Decision::Wait(wait)) => {
                self.record_calls(&wait, request, now, into)?;
                return Ok(Decided::Wait(wait));
            }
            Ok(Decision::Record { events, outcome, stock }) => (events, outcome, stock),
        };
        let principal = request.principal.as_deref();
        let before = self.state.position();
        let asked = principal.map(|principal| (outcome, principal));
        match self.record(&events, now, metadata_of(request), asked, into) {
            Err(Unrecordable::TooMuch) => return answer(Answer::Refused(Refusal::TooMuchAtOnce)),
            recorded => recorded?,
        }
        if let Some(change) = stock {
            self.tell_gate(change, into);
        }
        self.after_own_change(command);
        if outcome >= events.len() {
            return Err(Unrecordable::NoOutcome);
        }
        answer(Answer::Recorded {
            place: self.place(before.plus(outcome as u64 + 1)),
            event: Box::new(events.swap_remove(outcome)),
            last: self.place(self.state.position()),
            subject: self.subject(command, now),
        })
    }

    /// Records what calls the shelves back that a command waits for.
    fn record_calls(
        &mut self,
        wait: &Wait,
        request: &Request,
        now: Timestamp,
        into: &mut Batch,
    ) -> Result<(), Unrecordable> {
        if self.across.is_none() {
            return Err(Unrecordable::Waits);
        }
        match wait {
            Wait::Shelves { calls, .. } if !calls.is_empty() => {
                self.record(calls, now, metadata_of(request), None, into)
            }
            Wait::Shelves { .. } | Wait::Units(_) => Ok(()),
        }
    }

    /// The gate learns, once the batch is durable, that an offer is sold out or no longer is.
    fn tell_gate(&self, change: StockChange, into: &mut Batch) {
        if !change.is_sold_out() && change.is_sale {
            return;
        }
        if let Some(offer_id) = self.state.offer_id(change.offer) {
            into.sold_out.push((offer_id.clone(), change.is_sold_out()));
        }
    }

    /// More may follow from the command behind the event that bears its id; the last event that
    /// there is contains it.
    fn repeat(&self, command: &Command, at: Position, now: Timestamp) -> Reply {
        Reply::Repeat {
            place: self.place(at),
            last: self.place(self.state.position()),
            subject: self.subject(command, now),
        }
    }

    pub(super) fn subject(&self, command: &Command, now: Timestamp) -> Option<Subject> {
        command.subject(&self.state, now).map(|(subject, _)| subject)
    }

    fn preview(&self, command: &Command, now: Timestamp) -> Decided {
        if let Some(at) = command.recorded_at(&self.state) {
            return Decided::Reply(self.repeat(command, at, now));
        }
        if let Some(switch) = self.switch_against(command) {
            return Decided::Not(NotDecided::SwitchedOff(switch));
        }
        Decided::Reply(Reply::Answer(match command.preview(&self.state, now) {
            Some(Ok(preview)) => Answer::Preview(Box::new(preview)),
            Some(Err(refusal)) => Answer::Refused(refusal),
            None => Answer::Refused(Refusal::DryRunUnsupported),
        }))
    }

    /// Hashing every command would cost each of them a microsecond for something that never
    /// happens; so it begins once it has happened.
    pub(super) fn fingerprint_if_any_panicked(&self, request: &Request) -> Option<[u8; 32]> {
        (!self.panicked.is_empty()).then(|| fingerprint_of(request))
    }
}

/// What is kept beside the events of a command.
pub(super) fn metadata_of(request: &Request) -> Metadata {
    let principal = request.principal.as_deref();
    Metadata {
        command: request.command.name().into(),
        key: principal.and_then(|principal| principal.key.clone()),
        role: principal.map(|principal| principal.role.into()),
        traceparent: request.traceparent.clone(),
        request: request.request_id.clone(),
        beside: false,
    }
}

/// The id and every field of a command.
pub(super) fn fingerprint_of(request: &Request) -> [u8; 32] {
    // `DeliverTo` prints nothing of itself, which makes two such commands one; that errs on the
    // safe side.
    Sha256::digest(format!("{:?}", request.command)).into()
}

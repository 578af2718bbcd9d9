//! The spans of a command whose trace is kept: `decide` begins when the command is queued, and ends
//! when it is decided; `append` begins then, and ends when the answer is durable.

use trace::{Span, SpanKind, Tracer};

use super::answer::{Answer, Request, Unanswered};
use super::queued_command::Reply;
use crate::metrics::outcome_name;

/// A traced command on its way through the writer.
#[derive(Debug)]
pub(super) struct CommandTrace {
    tracer: Tracer,
    traceparent: Box<str>,
    /// What goes on now.
    step: Option<Span>,
    is_decided: bool,
}

impl CommandTrace {
    /// Begins where the command's trace is kept.
    pub(super) fn begin(tracer: &Tracer, request: &Request) -> Option<Box<Self>> {
        let (kind, at) = (SpanKind::Internal, request.traceparent.as_deref());
        let mut step = tracer.below("decide", kind, at, false)?;
        let traceparent = request.traceparent.clone()?;
        step.text("guerdon.command", request.command.name());
        let (tracer, step) = (tracer.clone(), Some(step));
        Some(Box::new(Self { tracer, traceparent, step, is_decided: false }))
    }

    /// The writer begins to decide it; it waited until now.
    pub(super) fn taken(&mut self) {
        if self.is_decided {
            // An append that certainly didn't land was thrown away with what it was decided on.
            if let Some(mut step) = self.step.take() {
                step.fail("the append didn't land; the command is decided again");
                step.end();
            }
            self.is_decided = false;
            self.step = self.below("decide");
        }
        if let Some(step) = &mut self.step {
            step.int("guerdon.waited_us", step.micros());
        }
    }

    /// The writer has decided it.
    pub(super) fn decided(&mut self, reply: &Reply) {
        if let Some(mut step) = self.step.take() {
            let decision = match reply {
                Reply::Answer(Answer::Refused(refusal)) => {
                    step.text("guerdon.refusal", refusal.code());
                    "refused"
                }
                Reply::Answer(Answer::Recorded { place, last, .. }) => {
                    step.text("guerdon.event", place.to_string());
                    step.text("guerdon.last_event", last.to_string());
                    "recorded"
                }
                Reply::Answer(Answer::Unchanged(..)) => "unchanged",
                Reply::Answer(_) => "answered",
                Reply::Repeat { .. } => "repeated",
                Reply::Load(_) => "load",
            };
            step.text("guerdon.decision", decision);
            step.end();
        }
        self.is_decided = true;
        self.step = self.below("append");
    }

    /// Its batch goes into the log now. One without events only confirms that the log is still this
    /// writer's.
    pub(super) fn committing(&mut self, events: usize, commands: usize) {
        if let Some(step) = &mut self.step {
            if events == 0 {
                step.rename("confirm".into());
            }
            step.int("guerdon.waited_us", step.micros());
            step.count("guerdon.batch.events", events);
            step.count("guerdon.batch.commands", commands);
        }
    }

    /// It is answered.
    pub(super) fn end(self, outcome: &Result<Reply, Unanswered>) {
        let Some(mut step) = self.step else { return };
        if let Err(unanswered) = outcome {
            step.fail(format!("{unanswered:?}"));
        }
        step.end();
    }

    fn below(&self, name: &'static str) -> Option<Span> {
        self.tracer.below(name, SpanKind::Internal, Some(&self.traceparent), false)
    }
}

/// A command of a marked account or request: it has a span around all that is done for it, and is
/// logged in detail.
#[derive(Debug)]
pub(crate) struct MarkedCommand {
    span: Span,
    command: &'static str,
    account_id: Option<Box<str>>,
    key: Option<Box<str>>,
    role: Option<&'static str>,
}

impl MarkedCommand {
    /// Begins where the command's account is marked, or its request.
    pub(crate) fn begin(tracer: &Tracer, request: &mut Request) -> Option<Self> {
        if tracer.marks().is_empty() && !request.is_marked {
            return None;
        }
        let account_id = match request.command.owner() {
            domain::Owner::Account(account_id) => Some(account_id.as_str()),
            domain::Owner::Programme => None,
        };
        request.is_marked |= account_id.is_some_and(|id| tracer.marks().has_account(id));
        if !request.is_marked {
            return None;
        }
        let traceparent = request.traceparent.as_deref();
        let span = tracer.below("execute", SpanKind::Internal, traceparent, true)?;
        let account_id = account_id.map(Into::into);
        request.traceparent = Some(span.at().to_string().into());
        let principal = request.principal.as_deref();
        Some(Self {
            span,
            command: request.command.name(),
            account_id,
            key: principal.and_then(|principal| principal.key.clone()),
            role: principal.map(|principal| principal.role),
        })
    }

    /// Logs what came of it.
    pub(crate) fn end(self, outcome: &Result<Answer, Unanswered>) {
        let Self { mut span, command, account_id, key, role } = self;
        let (trace_id, ms, name) =
            (span.at().trace_id_text(), span.millis(), outcome_name(outcome));
        let (mut position, mut code, mut why) = (None, None, None);
        match outcome {
            Ok(Answer::Recorded { place, .. } | Answer::Repeat { place, .. }) => {
                position = Some(place.to_string());
            }
            Ok(Answer::Unchanged(place, _)) => position = Some(place.to_string()),
            Ok(Answer::Refused(refusal)) => code = Some(refusal.code()),
            Ok(Answer::IdReused(field)) => code = Some(*field),
            Ok(Answer::Preview(_)) => {}
            Err(unanswered) => why = Some(format!("{unanswered:?}")),
        }
        tracing::info!(
            target: "mark", trace_id, command, account_id, outcome = name, position, code, why, ms,
            key, role, "a command was answered"
        );
        span.text("guerdon.command", command);
        span.text("guerdon.outcome", name);
        if let Some(why) = why {
            span.fail(why);
        }
        span.end();
    }
}

//! The spans of a batch's events, and what is logged of those that are marked.

use event_schema::decode_metadata;
use event_store::Followed;
use log_record::{Place, RecordedEvent};
use trace::{Span, SpanKind, Tracer, unix_micros};

/// The most spans of one batch. A projector that keeps up has a few; one that catches up must not
/// make a collector's load of it.
const SPANS_MAX: usize = 256;

/// Older events have no span: their traces were looked at long ago, where at all.
const OLD_AFTER_MICROS: i64 = 3_600 * 1_000_000;

/// The spans of one batch on its way into the tables.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    begun: Vec<Traced>,
}

/// The events of one call in a batch.
#[derive(Debug)]
struct Traced {
    span: Span,
    traceparent: Option<Box<str>>,
    last: Last,
    events: usize,
    is_marked: bool,
}

/// The last event of a call, as it is told.
#[derive(Debug)]
struct Last {
    place: Place,
    event_type: Box<str>,
    account_id: Option<Box<str>>,
}

impl Traces {
    /// Begins the spans of the next events of a batch.
    pub(crate) fn begin(&mut self, tracer: &Tracer, events: &Followed) {
        let begun = &mut self.begun;
        if tracer.is_idle() {
            return;
        }
        let since = unix_micros().saturating_sub(OLD_AFTER_MICROS);
        for event in events.iter().filter(|event| event.recorded_at > since) {
            let is_marked = is_marked(tracer, event);
            // A trace that is kept ends so; others need no parsing.
            if !is_marked && !event.public.contains(r#"-01""#) {
                continue;
            }
            let traceparent = traceparent(event);
            // The events of a call stand together.
            if let Some(before) = begun.last_mut()
                && before.traceparent == traceparent
                && traceparent.is_some()
            {
                before.last = Last::of(event);
                before.events += 1;
                before.is_marked |= is_marked;
                continue;
            }
            if begun.len() == SPANS_MAX {
                break;
            }
            let of = traceparent.as_deref();
            if let Some(span) = tracer.below("project", SpanKind::Internal, of, is_marked) {
                let last = Last::of(event);
                begun.push(Traced { span, traceparent, last, events: 1, is_marked });
            }
        }
    }

    /// The rows of the batch can be read.
    pub(crate) fn end(self, batch: usize) {
        for Traced { mut span, last, events, is_marked, .. } in self.begun {
            let place = last.place.to_string();
            if is_marked {
                let (trace_id, ms) = (span.at().trace_id_text(), span.millis());
                let (event, account_id) = (&*last.event_type, last.account_id.as_deref());
                tracing::info!(
                    target: "mark", trace_id, position = place, event, account_id, events, ms,
                    "events were projected"
                );
            }
            span.text("guerdon.position", place);
            span.count("guerdon.events", events);
            span.count("guerdon.batch.events", batch);
            span.end();
        }
    }
}

impl Last {
    fn of(event: &RecordedEvent) -> Self {
        let (event_type, account_id) = (event.event_type.clone(), event.account_id.clone());
        Self { place: event.place, event_type, account_id }
    }
}

fn is_marked(tracer: &Tracer, event: &RecordedEvent) -> bool {
    let marks = tracer.marks();
    let is_account = event.account_id.as_deref().is_some_and(|id| marks.has_account(id));
    is_account || marks.has_request_in(&event.public)
}

/// The trace that an event belongs to. Few have one, so metadata is parsed for those only.
pub(crate) fn traceparent(event: &RecordedEvent) -> Option<Box<str>> {
    if !event.public.contains(r#""traceparent":"#) {
        return None;
    }
    decode_metadata(event).ok()?.traceparent
}

//! Begins spans, where a trace is kept.

use std::borrow::Cow;
use std::sync::Arc;

use crate::marks::Marks;
use crate::sampling::{Sampling, Share};
use crate::span::{Collect, Span, SpanKind};
use crate::traceparent::Traceparent;

/// Begins spans, and knows what is marked. Clones share everything. The default one collects
/// nothing, and has no marks.
#[derive(Clone, Debug, Default)]
pub struct Tracer(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    collecting: Option<Collecting>,
    marks: Marks,
}

#[derive(Debug)]
struct Collecting {
    to: Arc<dyn Collect>,
    sampling: Sampling,
}

impl Tracer {
    /// A tracer whose spans go to `to`. It keeps this share of the traces that begin here.
    #[must_use]
    pub fn new(to: Arc<dyn Collect>, share: Share) -> Self {
        let collecting = Some(Collecting { to, sampling: Sampling::of(share) });
        Self(Arc::new(Shared { collecting, marks: Marks::default() }))
    }

    /// What an operator has marked.
    #[must_use]
    pub fn marks(&self) -> &Marks {
        &self.0.marks
    }

    /// Whether spans are collected.
    #[must_use]
    pub fn collects(&self) -> bool {
        self.0.collecting.is_some()
    }

    /// Whether there is nothing to do: nothing is collected, and nothing is marked.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.collecting.is_none() && self.0.marks.is_empty()
    }

    /// A span of a call that begins here, or that a caller has begun: `None` where its trace isn't
    /// kept. That of a marked one always is.
    #[must_use]
    pub fn enter(
        &self,
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
        parent: Option<Traceparent>,
        is_marked: bool,
    ) -> Option<Span> {
        let is_kept = is_marked
            || self.0.collecting.as_ref().is_some_and(|Collecting { sampling, .. }| match parent {
                Some(parent) => parent.is_sampled && sampling.keeps_callers(),
                None => sampling.keeps_next(),
            });
        if is_kept { self.begin(name.into(), kind, parent) } else { None }
    }

    /// A span below another of the ledger's own, whose trace is kept or not. That of a marked thing
    /// is kept from here on, and begins here where there is none.
    #[must_use]
    pub fn below(
        &self,
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
        traceparent: Option<&str>,
        is_marked: bool,
    ) -> Option<Span> {
        if self.0.collecting.is_none() && !is_marked {
            return None;
        }
        let parent = traceparent.and_then(Traceparent::parse);
        let is_kept = is_marked || parent.is_some_and(|parent| parent.is_sampled);
        if is_kept { self.begin(name.into(), kind, parent) } else { None }
    }

    fn begin(
        &self,
        name: Cow<'static, str>,
        kind: SpanKind,
        parent: Option<Traceparent>,
    ) -> Option<Span> {
        let at = match parent {
            Some(parent) => parent.another_span()?,
            None => Traceparent::new_trace()?,
        };
        let to = self.0.collecting.as_ref().map(|collecting| Arc::clone(&collecting.to));
        Some(Span::begin(to, at, parent, kind, name))
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;
    use crate::span::{EndedSpan, Value};

    #[derive(Debug, Default)]
    struct Kept(Mutex<Vec<EndedSpan>>);

    impl Collect for Kept {
        fn collect(&self, span: EndedSpan) {
            self.0.lock().push(span);
        }
    }

    const KEPT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const NOT_KEPT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    fn tracer(share: f64) -> (Tracer, Arc<Kept>) {
        let kept = Arc::new(Kept::default());
        let to = Arc::clone(&kept);
        (Tracer::new(to, Share::new(share).expect("a share")), kept)
    }

    #[test]
    fn a_caller_who_keeps_the_trace_gets_a_span_below_its_own() {
        let (tracer, kept) = tracer(0.0);
        let parent = Traceparent::parse(KEPT);
        let mut span = tracer.enter("PUT", SpanKind::Server, parent, false).expect("kept");
        span.int("http.response.status_code", 201);
        let below = span.at().to_string();
        let step = tracer.below("decide", SpanKind::Internal, Some(&below), false).expect("kept");
        step.end();
        span.end();
        let spans = kept.0.lock();
        let [step, request] = &spans[..] else { panic!("{spans:?}") };
        assert_eq!(Some(request.at.trace_id), parent.map(|parent| parent.trace_id));
        assert_eq!(request.parent, parent.map(|parent| parent.span_id));
        assert_eq!(step.parent, Some(request.at.span_id));
        assert_eq!(request.attributes, [("http.response.status_code", Value::Int(201))]);
        assert!(request.begun_at <= step.begun_at && step.ended_at <= request.ended_at);
    }

    #[test]
    fn a_trace_that_is_not_kept_has_no_spans_unless_it_is_marked() {
        let (tracer, _) = tracer(0.0);
        let unkept = Traceparent::parse(NOT_KEPT);
        assert!(tracer.enter("PUT", SpanKind::Server, unkept, false).is_none());
        assert!(tracer.enter("PUT", SpanKind::Server, None, false).is_none());
        assert!(tracer.below("decide", SpanKind::Internal, Some(NOT_KEPT), false).is_none());
        assert!(tracer.below("decide", SpanKind::Internal, None, false).is_none());
        let marked = tracer.enter("PUT", SpanKind::Server, unkept, true).expect("marked");
        assert!(marked.at().is_sampled);
        assert_eq!(Some(marked.at().trace_id), unkept.map(|unkept| unkept.trace_id));
        assert!(tracer.below("decide", SpanKind::Internal, None, true).is_some());
    }

    #[test]
    fn a_tracer_that_collects_nothing_begins_spans_of_marked_things_only() {
        let tracer = Tracer::default();
        assert!(tracer.is_idle());
        let kept = Traceparent::parse(KEPT);
        assert!(tracer.enter("PUT", SpanKind::Server, kept, false).is_none());
        assert!(tracer.below("decide", SpanKind::Internal, Some(KEPT), false).is_none());
        // Its lines in the log name the trace.
        let marked = tracer.enter("PUT", SpanKind::Server, kept, true).expect("marked");
        marked.end();
    }
}

//! A step of a call, with the times at which it began and ended.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::clock::now;
use crate::traceparent::Traceparent;

/// Takes spans that have ended. It must not block.
pub trait Collect: Send + Sync + fmt::Debug {
    /// Takes a span.
    fn collect(&self, span: EndedSpan);
}

/// What a span is to the one above it, in OpenTelemetry's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// A step inside the ledger.
    Internal,
    /// A request that is answered.
    Server,
    /// A message that is sent.
    Producer,
    /// A message that is worked on.
    Consumer,
}

/// What an attribute says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A whole number.
    Int(i64),
}

/// A step that goes on. It is reported when it ends; one that is dropped is not.
#[derive(Debug)]
pub struct Span {
    to: Option<Arc<dyn Collect>>,
    begun: Instant,
    span: EndedSpan,
}

/// A step that has ended.
#[derive(Clone, Debug)]
pub struct EndedSpan {
    /// Where it is in its trace.
    pub at: Traceparent,
    /// The span above it.
    pub parent: Option<[u8; 8]>,
    /// What it is to the span above it.
    pub kind: SpanKind,
    /// Its name: one of a few, with no id in it.
    pub name: Cow<'static, str>,
    /// When it began.
    pub begun_at: SystemTime,
    /// When it ended.
    pub ended_at: SystemTime,
    /// What else there is to say.
    pub attributes: Vec<(&'static str, Value)>,
    /// Why it failed.
    pub error: Option<Cow<'static, str>>,
}

impl Span {
    /// Begins a span that is reported to `to`, if anywhere.
    pub(crate) fn begin(
        to: Option<Arc<dyn Collect>>,
        at: Traceparent,
        parent: Option<Traceparent>,
        kind: SpanKind,
        name: Cow<'static, str>,
    ) -> Self {
        let (begun, begun_at) = (Instant::now(), now());
        let parent = parent.map(|parent| parent.span_id);
        let (attributes, error) = (vec![], None);
        let ended_at = begun_at;
        let span = EndedSpan { at, parent, kind, name, begun_at, ended_at, attributes, error };
        Self { to, begun, span }
    }

    /// Where it is in its trace: what spans below it have as their `traceparent`.
    #[must_use]
    pub const fn at(&self) -> &Traceparent {
        &self.span.at
    }

    /// How long it has gone on, in microseconds.
    #[must_use]
    pub fn micros(&self) -> i64 {
        i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    /// How long it has gone on, in milliseconds with three decimals, as logs show it.
    #[must_use]
    pub fn millis(&self) -> f64 {
        (self.begun.elapsed().as_secs_f64() * 1e6).round() / 1e3
    }

    /// Gives it a name that wasn't known at its begin.
    pub fn rename(&mut self, name: String) {
        self.span.name = name.into();
    }

    /// Says a text about it.
    pub fn text(&mut self, name: &'static str, text: impl Into<String>) {
        self.span.attributes.push((name, Value::Text(text.into())));
    }

    /// Says a number about it.
    pub fn int(&mut self, name: &'static str, number: i64) {
        self.span.attributes.push((name, Value::Int(number)));
    }

    /// Says a count about it.
    pub fn count(&mut self, name: &'static str, count: usize) {
        self.int(name, i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Says that it failed.
    pub fn fail(&mut self, why: impl Into<Cow<'static, str>>) {
        self.span.error = Some(why.into());
    }

    /// Ends and reports it.
    pub fn end(self) {
        let Self { to, begun, mut span } = self;
        let Some(to) = to else { return };
        // Not the wall clock again, which may have been set back.
        span.ended_at = span.begun_at + begun.elapsed();
        to.collect(span);
    }
}

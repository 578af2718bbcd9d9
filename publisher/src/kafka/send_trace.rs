//! A message on its way to Kafka that is traced: what it is called in its trace, and how it ends.

use std::fmt::Display;

use trace::{Span, SpanKind, Tracer};

/// A message to trace.
#[derive(Clone, Copy)]
pub(crate) struct Sent<'a> {
    pub(crate) topic: &'a str,
    pub(crate) message_id: &'a str,
    pub(crate) account_id: &'a str,
    /// The exchange or purchase.
    pub(crate) subject: &'a str,
    pub(crate) shipping_request_id: &'a str,
    /// The trace of the call that caused it.
    pub(crate) traceparent: Option<&'a str>,
    pub(crate) attempt: u32,
}

/// The span of a message, until Kafka has acknowledged it.
#[derive(Debug)]
pub(crate) struct SendTrace {
    span: Span,
    /// The message's id, where it is logged in detail.
    marked: Option<Box<str>>,
}

impl SendTrace {
    /// Begins where the message's trace is kept, or its account or request is marked.
    pub(crate) fn begin(tracer: &Tracer, sent: Sent<'_>) -> Option<Box<Self>> {
        if tracer.is_idle() {
            return None;
        }
        let Sent { topic, message_id, account_id, subject, .. } = sent;
        let marks = tracer.marks();
        let is_marked = marks.has_account(account_id)
            || marks.has_request(subject)
            || marks.has_request(sent.shipping_request_id);
        let name = format!("send {topic}");
        let mut span = tracer.below(name, SpanKind::Producer, sent.traceparent, is_marked)?;
        span.text("messaging.system", "kafka");
        span.text("messaging.operation.type", "send");
        span.text("messaging.destination.name", topic);
        span.text("messaging.message.id", message_id);
        span.int("guerdon.attempt", sent.attempt.into());
        if is_marked {
            let (trace_id, attempt) = (span.at().trace_id_text(), sent.attempt);
            tracing::info!(
                target: "mark", trace_id, message_id, topic, attempt, account_id,
                "a message is handed to Kafka"
            );
        }
        Some(Box::new(Self { span, marked: is_marked.then(|| message_id.into()) }))
    }

    /// What the message's header says: those who work on it add their spans below this one.
    pub(crate) fn traceparent(&self) -> String {
        self.span.at().to_string()
    }

    /// Kafka has it there.
    pub(crate) fn acknowledged(mut self, partition: i32, offset: i64) {
        self.span.text("messaging.destination.partition.id", partition.to_string());
        if offset >= 0 {
            self.span.int("messaging.kafka.offset", offset);
        }
        if let Some(message_id) = &self.marked {
            let (trace_id, ms) = (self.span.at().trace_id_text(), self.span.millis());
            tracing::info!(
                target: "mark", trace_id, message_id, partition, offset, ms,
                "Kafka acknowledged a message"
            );
        }
        self.span.end();
    }

    /// Kafka doesn't have it.
    pub(crate) fn failed(mut self, why: &impl Display) {
        let why = why.to_string();
        if let Some(message_id) = &self.marked {
            let trace_id = self.span.at().trace_id_text();
            tracing::info!(
                target: "mark", trace_id, message_id, why,
                "a message didn't get to Kafka, and is sent again"
            );
        }
        self.span.fail(why);
        self.span.end();
    }
}

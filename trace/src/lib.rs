//! Which trace a call is part of, its spans, and what an operator has marked.
//!
//! A trace travels as text ([`Traceparent`]): in a request's header, in the metadata of its events,
//! in the rows that are made of them, and in the header of a Kafka message. So a part needs nothing
//! but this text to add a [`Span`], in whichever process it runs. This crate knows no protocol:
//! `guerdon` brings a [`Collect`] that sends spans by OTLP. Begin with [`Tracer`].

mod clock;
mod marks;
mod sampling;
mod span;
mod traceparent;
mod tracer;

pub use clock::{age, unix_micros};
pub use marks::{Mark, MarkKind, Marks};
pub use sampling::Share;
pub use span::{Collect, EndedSpan, Span, SpanKind, Value};
pub use traceparent::Traceparent;
pub use tracer::Tracer;

//! The W3C trace context: which trace a call is part of, and below which span.

use std::fmt;

use log_record::{hex, parse_hex};

/// The flag of a trace that is kept.
const SAMPLED: u8 = 1;

/// A place in a trace, as the header `traceparent` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traceparent {
    /// The trace.
    pub trace_id: [u8; 16],
    /// The span in it.
    pub span_id: [u8; 8],
    /// Whether the trace is kept.
    pub is_sampled: bool,
}

impl Traceparent {
    /// A trace context of version 00; `None` for any other text, which is ignored, as the
    /// recommendation asks.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_written_so = version == "00"
            && parts.next().is_none()
            && !text.bytes().any(|byte| byte.is_ascii_uppercase());
        let trace_id = parse_hex::<16>(trace).filter(|id| *id != [0; 16])?;
        let span_id = parse_hex::<8>(span).filter(|id| *id != [0; 8])?;
        let [flags] = parse_hex::<1>(flags)?;
        let is_sampled = flags & SAMPLED == SAMPLED;
        is_written_so.then_some(Self { trace_id, span_id, is_sampled })
    }

    /// A span of a new trace that is kept; `None` where the operating system gives no random bits.
    pub(crate) fn new_trace() -> Option<Self> {
        Some(Self { trace_id: random()?, span_id: random()?, is_sampled: true })
    }

    /// Another span of the same trace, which is kept.
    pub(crate) fn another_span(self) -> Option<Self> {
        Some(Self { span_id: random()?, is_sampled: true, ..self })
    }

    /// The trace's id, as logs show it.
    #[must_use]
    pub fn trace_id_text(&self) -> String {
        hex(&self.trace_id)
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = if self.is_sampled { "01" } else { "00" };
        write!(f, "00-{}-{}-{flags}", hex(&self.trace_id), hex(&self.span_id))
    }
}

/// Random bytes that aren't all zero, which no id may be.
fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).ok()?;
    (bytes != [0; N]).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_one_is_read_and_written_as_it_was() {
        let read = Traceparent::parse(VALID).expect("it is valid");
        assert!(read.is_sampled);
        assert_eq!(read.to_string(), VALID);
        assert_eq!(read.trace_id_text(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let unsampled = VALID.replace("-01", "-00");
        assert!(!Traceparent::parse(&unsampled).expect("valid, too").is_sampled);
    }

    #[test]
    fn any_other_text_is_ignored() {
        for other in [
            "",
            "00",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        ] {
            assert_eq!(Traceparent::parse(other), None, "{other}");
        }
    }

    #[test]
    fn another_span_is_of_the_same_trace() {
        let new = Traceparent::new_trace().expect("random bits");
        let child = new.another_span().expect("random bits");
        assert_eq!(new.trace_id, child.trace_id);
        assert_ne!(new.span_id, child.span_id);
        assert_ne!(new.trace_id, Traceparent::new_trace().expect("random bits").trace_id);
    }
}

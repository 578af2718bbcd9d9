//! A shipping message as Kafka gets it: its key, its headers and its body, in one piece of memory.
//! `docs/SHIPPING.md` describes them.

use std::ops::Range;

use read_model::{MessageKind, ShippingMessage};
use trace::Tracer;

use super::lane::LaneEntry;
use super::message::MessageDigest;
use crate::kafka::producer::{Failure, Outgoing, Producer, Ticket, Unsent};
use crate::kafka::send_trace::{SendTrace, Sent};
use crate::kafka::topic_partition::TopicPartition;

/// The length of a log's id as text.
const LOG_ID_BYTES: usize = 36;

/// What a message takes beside its lines and its address.
const BYTES_BESIDE: usize = 900;

const SOURCE: &[u8] = b"/guerdon/";

/// A message that can be sent as it is.
#[derive(Clone, Debug)]
pub(crate) struct Encoded {
    pub(crate) entry: LaneEntry,
    /// The lane's number in its feed.
    pub(crate) slot: u16,
    kind: MessageKind,
    attempt: u32,
    bytes: Vec<u8>,
    parts: Parts,
}

/// As which attempt a message is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// Counts from 1.
    pub(crate) attempt: u32,
    /// Whether it is replayed: then it also says what has become of its request.
    pub(crate) is_replay: bool,
}

/// Where a message goes.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: TopicPartition,
}

/// The message can't be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("can't write the message as JSON: {0}")]
pub(crate) struct Unwritable(#[from] serde_json::Error);

/// Where the parts of a message are in its bytes.
#[derive(Clone, Debug)]
struct Parts {
    body: Part,
    account_id: Part,
    subject: Part,
    lane: Part,
    id: Part,
    source: Part,
    log_id: Part,
    shipping_request_id: Part,
    recorded_at: Part,
    sequence: Part,
    attempt: Part,
    position: Part,
    traceparent: Option<Part>,
    /// The request's status and lines, in a replay.
    request: Option<[Part; 2]>,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    start: u32,
    end: u32,
}

impl Form {
    /// A message that is sent for the first time.
    pub(crate) const FIRST: Self = Self { attempt: 1, is_replay: false };
}

impl Unwritable {
    pub(crate) fn unsent(&self) -> Unsent {
        Unsent::Failed(Failure::Refused(self.to_string()))
    }
}

impl Encoded {
    /// Writes a message of the lane with this number in its feed.
    pub(crate) fn of<T: AsRef<str>>(
        message: &ShippingMessage<T>,
        slot: u16,
        form: Form,
    ) -> Result<Self, Unwritable> {
        let attempt = form.attempt.max(message.attempt);
        let address = message.deliver_to.as_ref().map_or(0, |address| address.as_ref().len());
        let size = BYTES_BESIDE + message.lines.as_ref().len() + address;
        let mut out = Vec::with_capacity(size);
        let body = message.write_body(attempt, &mut out)?;
        let whole = 0..out.len();
        let account_id = put(&mut out, message.account_id.as_ref());
        let subject = put(&mut out, message.subject());
        let lane = put(&mut out, message.lane.as_ref());
        let request_id = body.shipping_request_id.clone();
        let id = match message.kind {
            MessageKind::Requested => request_id.clone(),
            _ => put(&mut out, &message.id.to_string()),
        };
        // An id begins with that of its log.
        let log_id = id.start..id.start + LOG_ID_BYTES;
        let source = out.len();
        out.extend_from_slice(SOURCE);
        out.extend_from_within(log_id.clone());
        let source = source..out.len();
        let attempt_text = body.attempt.unwrap_or_else(|| put(&mut out, &attempt.to_string()));
        let traceparent = message.traceparent.as_ref().map(|trace| put(&mut out, trace.as_ref()));
        let request = if form.is_replay {
            let status = put(&mut out, message.request_status.as_str());
            Some([status, put(&mut out, &message.request_lines()?)].map(Part::of))
        } else {
            None
        };
        let texts = [&id, &request_id, &body.recorded_at].map(|span| &out[span.clone()]);
        let entry = LaneEntry {
            place: message.place.into(),
            sequence: message.sequence,
            id: message.id,
            digest: MessageDigest::of(message, texts),
        };
        let parts = Parts {
            body: Part::of(whole),
            account_id: Part::of(account_id),
            subject: Part::of(subject),
            lane: Part::of(lane),
            id: Part::of(id),
            source: Part::of(source),
            log_id: Part::of(log_id),
            shipping_request_id: Part::of(request_id),
            recorded_at: Part::of(body.recorded_at),
            sequence: Part::of(body.sequence),
            attempt: Part::of(attempt_text),
            position: Part::of(body.position),
            traceparent: traceparent.map(Part::of),
            request,
        };
        Ok(Self { entry, slot, kind: message.kind, attempt, bytes: out, parts })
    }

    /// Hands the message to a producer; the ticket gets the outcome unless this fails at once.
    pub(crate) fn send(
        &self,
        producer: &Producer,
        target: Target<'_>,
        mut ticket: Ticket,
        tracer: &Tracer,
    ) -> Result<(), Unsent> {
        let Target { topic, partition } = target;
        if !tracer.is_idle() {
            ticket.trace = SendTrace::begin(tracer, self.sent(topic));
        }
        // Whoever works on it adds spans below that of its sending.
        let traced = ticket.trace.as_ref().map(|trace| trace.traceparent());
        let mut headers = Headers::default();
        let traced = traced.as_ref().map(|trace| trace.as_bytes());
        self.put_headers(&mut headers, traced);
        let (key, body) = (self.bytes_of(self.parts.account_id), self.bytes_of(self.parts.body));
        producer.send(Outgoing { topic, partition, key, headers: headers.all(), body }, ticket)
    }

    fn put_headers<'a>(&'a self, headers: &mut Headers<'a>, traced: Option<&'a [u8]>) {
        let Parts { traceparent, request, .. } = &self.parts;
        let part = |part: Part| self.bytes_of(part);
        for (name, value) in [
            ("ce_specversion", &b"1.0"[..]),
            ("ce_id", part(self.parts.id)),
            ("ce_type", self.kind.event_type().as_bytes()),
            ("ce_source", part(self.parts.source)),
            ("ce_subject", part(self.parts.subject)),
            ("ce_time", part(self.parts.recorded_at)),
            ("content-type", b"application/json"),
            ("lane", part(self.parts.lane)),
            ("sequence", part(self.parts.sequence)),
            ("attempt", part(self.parts.attempt)),
            ("position", part(self.parts.position)),
            ("log_id", part(self.parts.log_id)),
        ] {
            headers.put(name, value);
        }
        if let Some(trace) = traced.or_else(|| traceparent.map(part)) {
            headers.put("traceparent", trace);
        }
        if let Some([status, lines]) = request {
            headers.put("replay", b"true");
            headers.put("request_status", part(*status));
            headers.put("request_lines", part(*lines));
        }
    }

    /// What a trace says of it.
    fn sent<'a>(&'a self, topic: &'a str) -> Sent<'a> {
        let parts = &self.parts;
        Sent {
            topic,
            message_id: self.text(parts.id),
            account_id: self.text(parts.account_id),
            subject: self.text(parts.subject),
            shipping_request_id: self.text(parts.shipping_request_id),
            traceparent: parts.traceparent.map(|part| self.text(part)),
            attempt: self.attempt,
        }
    }

    fn bytes_of(&self, part: Part) -> &[u8] {
        self.bytes.get(part.start as usize..part.end as usize).unwrap_or_default()
    }

    fn text(&self, part: Part) -> &str {
        // All that was put there is text.
        std::str::from_utf8(self.bytes_of(part)).unwrap_or_default()
    }
}

impl Part {
    /// A message is far smaller than 4 GB: Kafka takes none of 1 GB.
    fn of(range: Range<usize>) -> Self {
        let bounded = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: bounded(range.start), end: bounded(range.end) }
    }
}

/// Puts a text after all that is there, and tells where it is.
fn put(out: &mut Vec<u8>, text: &str) -> Range<usize> {
    let start = out.len();
    out.extend_from_slice(text.as_bytes());
    start..out.len()
}

/// The headers of a message, without memory of their own.
struct Headers<'a> {
    count: usize,
    headers: [(&'static str, &'a [u8]); HEADERS_MAX],
}

/// Those of a replay with a trace.
const HEADERS_MAX: usize = 16;

impl Default for Headers<'_> {
    fn default() -> Self {
        Self { count: 0, headers: [("", b""); HEADERS_MAX] }
    }
}

impl<'a> Headers<'a> {
    fn put(&mut self, name: &'static str, value: &'a [u8]) {
        if let Some(next) = self.headers.get_mut(self.count) {
            *next = (name, value);
            self.count += 1;
        }
    }

    fn all(&self) -> &[(&'static str, &'a [u8])] {
        self.headers.get(..self.count).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use domain::{ShippingStatus, Timestamp};
    use log_record::{Generation, LogId, Partition, Place, Position, ShippingRequestId};
    use uuid::Uuid;

    use super::*;

    fn message(kind: MessageKind, position: u64) -> ShippingMessage {
        let log_id = LogId(Uuid::from_u128(7));
        let id_at = |position| ShippingRequestId {
            log_id,
            generation: Generation(1),
            place: Place { partition: Partition(0), position: Position(position) },
        };
        ShippingMessage {
            place: id_at(position).place,
            generation: Generation(1),
            id: id_at(position),
            log_id,
            kind,
            shipping_request_id: id_at(42),
            account_id: "ann".into(),
            exchange_id: Some("x-1".into()),
            purchase_id: None,
            lines: r#"[{"product_id":"mug","quantity":2}]"#.into(),
            deliver_to: Some("1 Elm Street".into()),
            warehouse: "main".into(),
            lane: "0/main/3".into(),
            sequence: 5,
            attempt: 1,
            recorded_at: Timestamp::from_micros(1_700_000_000_123_000).expect("a time"),
            traceparent: None,
            request_status: ShippingStatus::Delivered,
            lines_left: r#"[{"product_id":"mug","quantity":2}]"#.into(),
        }
    }

    fn headers(encoded: &Encoded, traced: Option<&[u8]>) -> Vec<String> {
        let mut headers = Headers::default();
        encoded.put_headers(&mut headers, traced);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        headers.all().iter().map(|(name, value)| format!("{name}: {}", text(value))).collect()
    }

    #[test]
    fn a_request_has_its_key_its_headers_and_its_body() {
        let message = message(MessageKind::Requested, 42);
        let encoded = Encoded::of(&message, 3, Form::FIRST).expect("written");
        assert_eq!(encoded.text(encoded.parts.account_id), "ann");
        assert_eq!(
            headers(&encoded, None),
            [
                "ce_specversion: 1.0",
                "ce_id: 00000000-0000-0000-0000-000000000007-1-0-42",
                "ce_type: guerdon.shipping-requested",
                "ce_source: /guerdon/00000000-0000-0000-0000-000000000007",
                "ce_subject: x-1",
                "ce_time: 2023-11-14T22:13:20.123Z",
                "content-type: application/json",
                "lane: 0/main/3",
                "sequence: 5",
                "attempt: 1",
                "position: 0:42",
                "log_id: 00000000-0000-0000-0000-000000000007",
            ]
        );
        assert_eq!(
            encoded.text(encoded.parts.body),
            concat!(
                r#"{"shipping_request_id":"00000000-0000-0000-0000-000000000007-1-0-42","type":2,"#,
                r#""account_id":"ann","exchange_id":"x-1","#,
                r#""lines":[{"product_id":"mug","quantity":2}],"deliver_to":"1 Elm Street","#,
                r#""warehouse":"main","lane":"0/main/3","sequence":5,"attempt":1,"#,
                r#""position":"0:42","requested_at":"2023-11-14T22:13:20.123Z"}"#,
            )
        );
    }

    #[test]
    fn a_change_has_an_id_of_its_own_and_a_replay_says_what_became_of_the_request() {
        let change = ShippingMessage {
            traceparent: Some("00-1-2-01".into()),
            ..message(MessageKind::Reduced, 77)
        };
        let form = Form { attempt: 4, is_replay: true };
        let encoded = Encoded::of(&change.lent(), 3, form).expect("written");
        let all = headers(&encoded, None);
        assert_eq!(all[1], "ce_id: 00000000-0000-0000-0000-000000000007-1-0-77");
        assert_eq!(all[9], "attempt: 4");
        assert_eq!(
            all[12..],
            [
                "traceparent: 00-1-2-01",
                "replay: true",
                "request_status: delivered",
                r#"request_lines: [{"product_id":"mug","quantity":0}]"#
            ]
        );
        assert_eq!(headers(&encoded, Some(b"00-3-4-01"))[12], "traceparent: 00-3-4-01");
        assert!(!encoded.text(encoded.parts.body).contains("attempt"));
    }

    #[test]
    fn a_message_has_the_same_digest_however_it_is_read() {
        for (kind, position) in [(MessageKind::Requested, 42), (MessageKind::Cancelled, 77)] {
            let read = message(kind, position);
            let encoded = Encoded::of(&read.lent(), 3, Form::FIRST).expect("written");
            let whole = super::super::message::Message::try_from(read).expect("a lane");
            assert_eq!(encoded.entry, whole.entry);
        }
        let request = Encoded::of(&message(MessageKind::Requested, 42), 3, Form::FIRST);
        assert_eq!(
            request.expect("written").entry.digest.text(),
            "04f2cafeacdec3661217cafb365caf5cc759d56aaf782fff9ab2c492ce981d94",
            "the state of a publisher that ran before has it"
        );
    }
}

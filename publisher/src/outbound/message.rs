//! A shipping message as it goes to Kafka. `docs/SHIPPING.md` describes its headers and body.

use read_model::ShippingMessage;
use sha2::{Digest as _, Sha256};
use trace::Tracer;

use super::lane::LaneEntry;
use crate::kafka::producer::{Failure, Outgoing, Producer, Ticket, Unsent};
use crate::kafka::send_trace::{SendTrace, Sent};
use crate::kafka::topic_partition::TopicPartition;
use crate::lane_name::{LaneName, NoLaneName};

/// A message of the read model, with its entry in its lane.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) entry: LaneEntry,
    pub(crate) lane: LaneName,
    pub(crate) content: ShippingMessage,
}

/// Where a message goes, and as which attempt.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: TopicPartition,
    /// Counts from 1.
    pub(crate) attempt: u32,
    /// Whether it is replayed: then it also says what has become of its request.
    pub(crate) is_replay: bool,
}

impl TryFrom<ShippingMessage> for Message {
    type Error = NoLaneName;

    fn try_from(content: ShippingMessage) -> Result<Self, NoLaneName> {
        let entry = LaneEntry {
            place: content.place.into(),
            sequence: content.sequence,
            message_id: content.id.clone(),
            digest: digest(&content),
        };
        Ok(Self { entry, lane: content.lane.parse()?, content })
    }
}

impl Message {
    /// Hands the message to a producer; the ticket gets the outcome unless this fails at once.
    pub(crate) fn send(
        &self,
        producer: &Producer,
        target: Target<'_>,
        mut ticket: Ticket,
        tracer: &Tracer,
    ) -> Result<(), Unsent> {
        let Target { topic, partition, attempt, is_replay } = target;
        let message = &self.content;
        let attempt = attempt.max(message.attempt);
        let unwritable = |error| {
            Unsent::Failed(Failure::Refused(format!("can't write the message as JSON: {error}")))
        };
        let body = message.body(attempt).map_err(unwritable)?;
        ticket.trace = SendTrace::begin(tracer, self.sent(topic, attempt));
        // Whoever works on it adds spans below that of its sending.
        let traced = ticket.trace.as_ref().map(|trace| trace.traceparent());
        let traceparent = traced.as_ref().or(message.traceparent.as_ref());
        let (source, time) = (message.source(), message.recorded_at.to_string());
        let (sequence, attempt) = (message.sequence.to_string(), attempt.to_string());
        let (position, log_id) = (message.place.to_string(), message.log_id.to_string());
        let always = [
            ("ce_specversion", "1.0"),
            ("ce_id", message.id.as_str()),
            ("ce_type", message.kind.event_type()),
            ("ce_source", source.as_str()),
            ("ce_subject", message.subject()),
            ("ce_time", time.as_str()),
            ("content-type", "application/json"),
            ("lane", message.lane.as_str()),
            ("sequence", sequence.as_str()),
            ("attempt", attempt.as_str()),
            ("position", position.as_str()),
            ("log_id", log_id.as_str()),
        ];
        let mut headers = Vec::with_capacity(always.len() + 4);
        headers.extend(always);
        headers.extend(traceparent.map(|trace| ("traceparent", trace.as_str())));
        if is_replay {
            headers.push(("replay", "true"));
            headers.push(("request_status", message.request_status.as_str()));
            headers.push(("request_lines", &message.request_lines));
        }
        let (key, body) = (message.account_id.as_str(), body.as_bytes());
        let headers = headers.as_slice();
        producer.send(Outgoing { topic, partition, key, headers, body }, ticket)
    }

    /// What a trace says of it.
    fn sent<'a>(&'a self, topic: &'a str, attempt: u32) -> Sent<'a> {
        let message = &self.content;
        Sent {
            topic,
            message_id: &message.id,
            account_id: &message.account_id,
            subject: message.subject(),
            shipping_request_id: &message.shipping_request_id,
            traceparent: message.traceparent.as_deref(),
            attempt,
        }
    }
}

/// SHA-256 over the parts of a message that never change. The address may be erased, so it is left
/// out.
fn digest(message: &ShippingMessage) -> String {
    let mut hash = Sha256::new();
    let recorded_at = message.recorded_at.to_string();
    for text in [
        message.id.as_str(),
        message.kind.event_type(),
        &message.shipping_request_id,
        &message.account_id,
        message.subject(),
        &message.lines,
        &message.lane,
        &recorded_at,
    ] {
        hash.update(text);
        hash.update([0]);
    }
    hash.update(message.sequence.to_be_bytes());
    log_record::hex(&hash.finalize())
}

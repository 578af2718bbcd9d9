//! A message as it goes to Kafka: `docs/decisions/0013-how-shipping-is-published.md` has the wire.

use read_model::{RequestProgress, ShippingMessage};
use sha2::{Digest as _, Sha256};

use crate::kafka::{Failure, Outgoing, Producer, Ticket, Unsent};
use crate::lane::Sent;

/// A message that was read, and what its lane needs to know of it.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) sent: Sent,
    pub(crate) lane: String,
    message: ShippingMessage,
}

/// Where a message goes, and as what.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    /// How often it was sent, with this time.
    pub(crate) attempt: u32,
    pub(crate) replay: Option<Replayed<'a>>,
}

/// What a replay says beside the message itself.
#[derive(Clone, Copy)]
pub(crate) struct Replayed<'a> {
    /// What has become of it by now, where it is a request.
    pub(crate) request: Option<&'a RequestProgress>,
}

impl From<ShippingMessage> for Message {
    fn from(message: ShippingMessage) -> Self {
        Self {
            sent: Sent {
                place: crate::stream::key(message.place),
                sequence: message.sequence,
                message_id: message.id.clone(),
                digest: digest(&message),
            },
            lane: message.lane.clone(),
            message,
        }
    }
}

impl Message {
    /// What it asks for, and of whom.
    pub(crate) const fn asked(&self) -> &ShippingMessage {
        &self.message
    }

    /// Hands it to a producer.
    pub(crate) fn send(
        &self,
        producer: &Producer,
        target: Target<'_>,
        ticket: Ticket,
    ) -> Result<(), Unsent> {
        let Target { topic, partition, attempt, .. } = target;
        let unwritable = |error| Unsent::Failed(Failure::Refused(format!("no JSON: {error}")));
        let body = self.message.body(attempt).map_err(unwritable)?;
        let message = &self.message;
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
        headers.extend(message.traceparent.iter().map(|trace| ("traceparent", trace.as_str())));
        if let Some(replay) = target.replay {
            headers.push(("replay", "true"));
            if let Some(request) = replay.request {
                headers.push(("request_status", request.status.as_str()));
                headers.push(("request_lines", &request.lines_left));
            }
        }
        let (key, body) = (message.account_id.as_str(), body.as_bytes());
        let headers = headers.as_slice();
        producer.send(Outgoing { topic, partition, key, headers, body }, ticket)
    }
}

/// Of all that a message says and that never changes: an address may be erased.
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

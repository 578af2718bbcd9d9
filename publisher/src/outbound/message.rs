//! A shipping message as the read model has it, with its entry in its lane.

use read_model::ShippingMessage;
use sha2::{Digest as _, Sha256};
use trace::Tracer;

use super::encoded::{Encoded, Form, Target};
use super::lane::LaneEntry;
use crate::kafka::producer::{Producer, Ticket, Unsent};
use crate::lane_name::{LaneName, NoLaneName};

/// A message of the read model.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) entry: LaneEntry,
    pub(crate) lane: LaneName,
    pub(crate) content: ShippingMessage,
}

/// SHA-256 over the parts of a message that never change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MessageDigest([u8; 32]);

impl TryFrom<ShippingMessage> for Message {
    type Error = NoLaneName;

    fn try_from(content: ShippingMessage) -> Result<Self, NoLaneName> {
        let [id, request, time] = [
            content.id.to_string(),
            content.shipping_request_id.to_string(),
            content.recorded_at.to_string(),
        ];
        let digest = MessageDigest::of(&content, [&id, &request, &time].map(|it| it.as_bytes()));
        let entry = LaneEntry {
            place: content.place.into(),
            sequence: content.sequence,
            id: content.id,
            digest,
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
        form: Form,
        ticket: Ticket,
        tracer: &Tracer,
    ) -> Result<(), Unsent> {
        let slot = self.lane.slot();
        let encoded = Encoded::of(&self.content, slot, form).map_err(|error| error.unsent())?;
        encoded.send(producer, target, ticket, tracer)
    }
}

impl MessageDigest {
    /// The address may be erased, so it is left out. `texts` are the message's id, its request's,
    /// and when it was recorded.
    pub(crate) fn of<T: AsRef<str>>(message: &ShippingMessage<T>, texts: [&[u8]; 3]) -> Self {
        let [id, request, recorded_at] = texts;
        let mut hash = Sha256::new();
        for text in [
            id,
            message.kind.event_type().as_bytes(),
            request,
            message.account_id.as_ref().as_bytes(),
            message.subject().as_bytes(),
            message.lines.as_ref().as_bytes(),
            message.lane.as_ref().as_bytes(),
            recorded_at,
        ] {
            hash.update(text);
            hash.update([0]);
        }
        hash.update(message.sequence.to_be_bytes());
        Self(hash.finalize().into())
    }

    /// As the state keeps it.
    pub(crate) fn text(self) -> String {
        log_record::hex(&self.0)
    }
}

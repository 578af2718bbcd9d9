//! Sends messages, and reports the outcome of each.
//!
//! `acks=all` and idempotent: a message counts once the brokers have it, and they have it once,
//! however often librdkafka sends it. Messages have no timeout, so none is dropped while a broker
//! is away; the senders bound how many are in flight. The tests are in `faults.rs`.

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message as _, OwnedHeaders};
use rdkafka::producer::{
    BaseRecord, DeliveryResult, Producer as _, ProducerContext, PurgeConfig, ThreadedProducer,
};

use super::acknowledged::AcknowledgedOffsets;
use super::brokers::{Brokers, KafkaRefused};
use super::outcomes::{MessageTag, Outcomes};
use super::send_trace::SendTrace;
use super::topic_partition::TopicPartition;

/// The most messages that wait in librdkafka, for all warehouses together. Each feed has a lower
/// bound of its own.
const QUEUE_MESSAGES_MAX: &str = "500000";

/// The most bytes that one batch holds, librdkafka's default.
const BATCH_BYTES_MAX: u32 = 1_000_000;

/// librdkafka's own bounds for `message.max.bytes`; a topic may allow more.
const MESSAGE_BYTES_MIN: u32 = 1_000;
const MESSAGE_BYTES_MAX: u32 = 1_000_000_000;

/// How long a message waits for others to share its batch. A feed that is behind hands over some
/// hundreds of a lane in a row, which takes less; one that keeps up has nothing to wait for.
const LINGER_MILLIS: &str = "2";

/// A Kafka producer. Dropping it fails the messages that it holds with [`Failure::ProducerLost`].
pub(crate) struct Producer {
    inner: ThreadedProducer<Deliveries>,
    /// Another producer replaced this one. A message that it took now would overtake those that it
    /// gave back.
    is_retired: RwLock<bool>,
    /// The topic's limit when the producer was created.
    message_bytes_max: Option<u32>,
}

/// A message to send.
#[derive(Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: TopicPartition,
    pub(crate) key: &'a [u8],
    pub(crate) headers: &'a [(&'static str, &'a [u8])],
    pub(crate) body: &'a [u8],
}

/// Where the outcome of a message goes.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) to: Arc<Outcomes>,
    pub(crate) tag: MessageTag,
    /// Its span, where it is traced.
    pub(crate) trace: Option<Box<SendTrace>>,
}

impl Ticket {
    /// Of a message that isn't traced.
    pub(crate) const fn new(to: Arc<Outcomes>, tag: MessageTag) -> Self {
        Self { to, tag, trace: None }
    }
}

/// Why a message was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// The producer failed; another one can send the message.
    #[error("{0}")]
    ProducerLost(String),
    /// The brokers refuse the message, or don't know its topic or partition.
    #[error("{0}")]
    Refused(String),
}

/// Why the producer did not take a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// librdkafka's queue is full; the message can be sent later.
    QueueFull,
    /// The message failed at once.
    Failed(Failure),
}

/// Why a producer has to be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// librdkafka reports a fatal error: this producer sends nothing any more.
    Fatal(String),
    /// The topic's `max.message.bytes` changed.
    MessageBytesChanged,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fatal(why) => f.write_str(why),
            Self::MessageBytesChanged => f.write_str("the topic's max.message.bytes changed"),
        }
    }
}

impl Producer {
    /// Creates a producer that takes no message larger than the topic does. So a message that is
    /// too large is refused before any later message is sent.
    pub(crate) fn new(
        brokers: &Brokers,
        message_bytes_max: Option<u32>,
        acknowledged: Arc<AcknowledgedOffsets>,
    ) -> Result<Self, KafkaRefused> {
        let mut config = brokers.config();
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", "0")
            .set("linger.ms", LINGER_MILLIS)
            .set("queue.buffering.max.messages", QUEUE_MESSAGES_MAX);
        if let Some(bytes) = message_bytes_max {
            let taken = bytes.clamp(MESSAGE_BYTES_MIN, MESSAGE_BYTES_MAX);
            config.set("message.max.bytes", taken.to_string());
            config.set("batch.size", bytes.min(BATCH_BYTES_MAX).to_string());
        }
        brokers.apply_to(&mut config);
        let made = config.create_with_context(Deliveries { acknowledged });
        let inner = made.map_err(brokers.refused("make a producer"))?;
        Ok(Self { inner, is_retired: RwLock::new(false), message_bytes_max })
    }

    /// Hands a message to librdkafka. The ticket gets the outcome unless this fails at once.
    pub(crate) fn send(&self, message: Outgoing<'_>, ticket: Ticket) -> Result<(), Unsent> {
        let mut headers = OwnedHeaders::new_with_capacity(message.headers.len());
        for &(key, value) in message.headers {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let record = BaseRecord::with_opaque_to(message.topic, Box::new(ticket))
            .partition(message.partition.0)
            .key(message.key)
            .headers(headers)
            .payload(message.body);
        let is_retired = self.is_retired.read();
        if *is_retired {
            let why = "another producer replaced this one".into();
            return Err(Unsent::Failed(Failure::ProducerLost(why)));
        }
        self.inner.send(record).map_err(|(error, _)| match code(&error) {
            Some(RDKafkaErrorCode::QueueFull) => Unsent::QueueFull,
            _ => Unsent::Failed(failure(&error)),
        })
    }

    /// Fails all messages that it holds as lost, and takes no more.
    pub(crate) fn give_back(&self) {
        *self.is_retired.write() = true;
        self.inner.purge(PurgeConfig::default().queue().inflight());
    }

    /// Why this producer has to be replaced, given the topic's present limit; `None` if it is fit.
    pub(crate) fn unfit(&self, message_bytes_max: Option<u32>) -> Option<Unfit> {
        let changed = message_bytes_max.is_some() && message_bytes_max != self.message_bytes_max;
        let fatal = self.fatal().map(Unfit::Fatal);
        fatal.or_else(|| changed.then_some(Unfit::MessageBytesChanged))
    }

    /// The error after which librdkafka sends nothing any more.
    pub(super) fn fatal(&self) -> Option<String> {
        self.inner.client().fatal_error().map(|(code, why)| format!("{code}: {why}"))
    }
}

/// Passes on the outcomes that librdkafka's thread reports.
struct Deliveries {
    acknowledged: Arc<AcknowledgedOffsets>,
}

impl ClientContext for Deliveries {
    fn error(&self, error: KafkaError, reason: &str) {
        // Each message's outcome is reported on its own.
        tracing::debug!(%error, reason, "the producer reports an error");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let Ticket { to, tag, trace } = *ticket;
        let outcome = match result {
            Ok(message) => {
                if let Some(trace) = trace {
                    trace.acknowledged(message.partition(), message.offset());
                }
                // A message that the broker had already comes back without an offset.
                if message.offset() >= 0 {
                    let partition = TopicPartition(message.partition());
                    self.acknowledged.note(message.topic(), partition, message.offset());
                }
                Ok(())
            }
            Err((error, _)) => {
                if let Some(trace) = trace {
                    trace.failed(error);
                }
                Err(failure(error))
            }
        };
        to.tell(tag, outcome);
    }
}

fn code(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    error.rdkafka_error_code()
}

fn failure(error: &KafkaError) -> Failure {
    use RDKafkaErrorCode::{
        Fatal, InvalidProducerEpoch, OutOfOrderSequenceNumber, ProducerFenced, PurgeInflight,
        PurgeQueue, UnknownProducerId,
    };
    match code(error) {
        Some(
            Fatal
            | PurgeQueue
            | PurgeInflight
            | InvalidProducerEpoch
            | OutOfOrderSequenceNumber
            | ProducerFenced
            | UnknownProducerId,
        ) => Failure::ProducerLost(error.to_string()),
        _ => Failure::Refused(error.to_string()),
    }
}

//! Sends messages, and tells of each what became of it.
//!
//! `acks=all` and idempotent: the brokers have a message before it counts, and have it once however
//! often librdkafka sends it. It has no timeout, so nothing is given up while a broker is away;
//! what is in flight is bounded by those who send. `faults.rs` has its tests.

use std::sync::{Arc, PoisonError, RwLock};

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message as _, OwnedHeaders};
use rdkafka::producer::{
    BaseRecord, DeliveryResult, Producer as _, ProducerContext, PurgeConfig, ThreadedProducer,
};
use tokio::sync::mpsc::UnboundedSender;

use super::{Brokers, KafkaRefused};
use crate::topic::Topic;

/// The most messages that wait in librdkafka, all warehouses' together; each has a lower bound.
const QUEUE_MESSAGES_MAX: &str = "500000";

/// The most bytes that one batch holds, librdkafka's default.
const BATCH_BYTES_MAX: u32 = 1_000_000;

/// The bounds of what librdkafka can be told; a topic may be told more.
const MESSAGE_BYTES_MIN: u32 = 1_000;
const MESSAGE_BYTES_MAX: u32 = 1_000_000_000;

/// How long a message waits for others to share its batch. Brokers are paid by the batch: at
/// 20,000 messages a second in 16 partitions, 5 ms (librdkafka's default) gather six.
const LINGER_MILLIS: &str = "25";

/// A producer; it ends, and what it holds is given back as lost, when it is dropped.
pub(crate) struct Producer {
    inner: ThreadedProducer<Deliveries>,
    /// Another one has taken its place: what it took now would overtake what it gave back.
    is_retired: RwLock<bool>,
    /// The largest message that the topic took when the producer was made.
    message_bytes_max: Option<u32>,
}

/// One message.
#[derive(Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) key: &'a str,
    pub(crate) headers: &'a [(&'static str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// To whom it is told what became of a message, and of which.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) to: UnboundedSender<Delivery>,
    /// Whatever the sender knows the message by.
    pub(crate) lane: usize,
    pub(crate) place: i64,
}

/// What became of a message.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) lane: usize,
    pub(crate) place: i64,
    pub(crate) outcome: Result<(), Failure>,
}

/// Why a message did not get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The producer is no longer any good; another one can send it.
    ProducerLost(String),
    /// The brokers won't have it as it is, or not where it was sent to.
    Refused(String),
}

/// Why a message was not taken to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// So much waits already; later.
    QueueFull,
    /// As if it had been delivered so.
    Failed(Failure),
}

impl Producer {
    /// Makes one that takes no message larger than the topic does: what is too large is refused
    /// before anything that follows it is sent.
    pub(crate) fn new(brokers: &Brokers, topic: Arc<Topic>) -> Result<Self, KafkaRefused> {
        let mut config = brokers.config();
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", "0")
            .set("linger.ms", LINGER_MILLIS)
            .set("queue.buffering.max.messages", QUEUE_MESSAGES_MAX);
        let message_bytes_max = topic.message_bytes_max();
        if let Some(bytes) = message_bytes_max {
            let taken = bytes.clamp(MESSAGE_BYTES_MIN, MESSAGE_BYTES_MAX);
            config.set("message.max.bytes", taken.to_string());
            config.set("batch.size", bytes.min(BATCH_BYTES_MAX).to_string());
        }
        brokers.apply_to(&mut config);
        let made = config.create_with_context(Deliveries { topic });
        let inner = made.map_err(brokers.refused("make a producer"))?;
        Ok(Self { inner, is_retired: RwLock::new(false), message_bytes_max })
    }

    /// Hands a message over, or says at once that it can't be.
    pub(crate) fn send(&self, message: Outgoing<'_>, ticket: Ticket) -> Result<(), Unsent> {
        let mut headers = OwnedHeaders::new_with_capacity(message.headers.len());
        for &(key, value) in message.headers {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let record = BaseRecord::with_opaque_to(message.topic, Box::new(ticket))
            .partition(message.partition)
            .key(message.key)
            .headers(headers)
            .payload(message.body);
        let is_retired = self.is_retired.read().unwrap_or_else(PoisonError::into_inner);
        if *is_retired {
            let why = "another producer has taken its place".into();
            return Err(Unsent::Failed(Failure::ProducerLost(why)));
        }
        self.inner.send(record).map_err(|(error, _)| match code(&error) {
            Some(RDKafkaErrorCode::QueueFull) => Unsent::QueueFull,
            _ => Unsent::Failed(failure(&error)),
        })
    }

    /// Gives back all that it holds, as lost, and takes nothing more.
    pub(crate) fn give_back(&self) {
        *self.is_retired.write().unwrap_or_else(PoisonError::into_inner) = true;
        self.inner.purge(PurgeConfig::default().queue().inflight());
    }

    /// Why another one is to take its place, where one is.
    pub(crate) fn unfit(&self, topic: &Topic) -> Option<String> {
        let allowed = topic.message_bytes_max();
        let has_changed = allowed.is_some() && allowed != self.message_bytes_max;
        self.fatal().or_else(|| has_changed.then(|| "the topic's max.message.bytes changed".into()))
    }

    /// The error after which it sends nothing any more.
    pub(crate) fn fatal(&self) -> Option<String> {
        self.inner.client().fatal_error().map(|(code, why)| format!("{code}: {why}"))
    }
}

/// Passes on what librdkafka's thread is told.
struct Deliveries {
    topic: Arc<Topic>,
}

impl ClientContext for Deliveries {
    fn error(&self, error: KafkaError, reason: &str) {
        // What comes of it is told elsewhere, and once.
        tracing::debug!(%error, reason, "the producer complains");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let outcome = match result {
            Ok(message) => {
                // The broker doesn't tell it of what it had already.
                if message.offset() >= 0 {
                    let (topic, partition) = (message.topic(), message.partition());
                    self.topic.acknowledged(topic, partition, message.offset());
                }
                Ok(())
            }
            Err((error, _)) => Err(failure(error)),
        };
        let Ticket { to, lane, place } = *ticket;
        // Nobody waits for it any more when the sender has stopped.
        drop(to.send(Delivery { lane, place, outcome }));
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

//! Sends answers from the database to Kafka, in order, until Kafka has acknowledged them.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::Context as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{ClientConfig, ClientContext};

use crate::database::Database;
use crate::options::Options;

/// How long an answer waits for a broker before it is sent anew.
const SEND_MAX: Duration = Duration::from_secs(10);

pub(crate) struct Answers {
    producer: BaseProducer<Deliveries>,
    topic: String,
}

/// The acknowledged answers of a batch, by their index in it.
#[derive(Default)]
struct Deliveries(Mutex<Vec<usize>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        match result {
            Ok(_) => self.locked().push(index),
            Err((error, _)) => eprintln!("an answer was not sent: {error}"),
        }
    }
}

impl Deliveries {
    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<usize>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Answers {
    pub(crate) fn new(options: &Options) -> anyhow::Result<Self> {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &options.brokers)
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", SEND_MAX.as_millis().to_string())
            .create_with_context(Deliveries::default())
            .context("can't create the producer")?;
        Ok(Self { producer, topic: options.events_topic.clone() })
    }

    /// Sends a batch, and marks the answers that are acknowledged together with all before them.
    /// Returns their number.
    pub(crate) fn send(&mut self, database: &mut Database) -> anyhow::Result<usize> {
        let unsent = database.unsent()?;
        for (index, answer) in unsent.iter().enumerate() {
            let mut record = BaseRecord::with_opaque_to(&self.topic, index)
                .key(&answer.shipping_request_id)
                .payload(&answer.body);
            while let Err((error, back)) = self.producer.send(record) {
                if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                    return Err(error).context("can't send an answer");
                }
                self.producer.poll(Duration::from_millis(10));
                record = back;
            }
        }
        // After this each one is acknowledged or has timed out, so none can overtake a later one.
        self.producer.flush(SEND_MAX * 3).context("answers are neither acknowledged nor failed")?;
        if let Some((_, reason)) = self.producer.client().fatal_error() {
            anyhow::bail!("the producer has given up: {reason}");
        }
        let mut acknowledged = std::mem::take(&mut *self.producer.context().locked());
        acknowledged.sort_unstable();
        let sent = acknowledged.iter().enumerate().take_while(|(at, index)| at == *index).count();
        if let (Some(first), Some(last)) = (unsent.first(), unsent[..sent].last()) {
            database.mark_sent(first.number, last.number)?;
        }
        Ok(sent)
    }
}

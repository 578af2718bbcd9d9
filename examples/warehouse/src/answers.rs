//! Saying what is to be said: from the database to Kafka, in order, until it is acknowledged.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::Context as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{ClientConfig, ClientContext};

use crate::database::Database;
use crate::options::Options;

/// How long answers wait for a broker that is away before they are said afresh.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Answers {
    producer: BaseProducer<Deliveries>,
    topic: String,
}

/// Which answers of a batch were acknowledged, by their place in it.
#[derive(Default)]
struct Deliveries(Mutex<Vec<usize>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, place: usize) {
        match result {
            Ok(_) => self.locked().push(place),
            Err((error, _)) => eprintln!("an answer isn't said: {error}"),
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
            .set("message.timeout.ms", PATIENCE.as_millis().to_string())
            .create_with_context(Deliveries::default())
            .context("the producer can't be made")?;
        Ok(Self { producer, topic: options.events_topic.clone() })
    }

    /// Says a batch, and notes what was acknowledged with all before it. How many those are.
    pub(crate) fn say(&mut self, database: &mut Database) -> anyhow::Result<usize> {
        let unsaid = database.unsaid()?;
        for (place, answer) in unsaid.iter().enumerate() {
            let mut record = BaseRecord::with_opaque_to(&self.topic, place)
                .key(&answer.shipping_request_id)
                .payload(&answer.body);
            while let Err((error, back)) = self.producer.send(record) {
                if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                    return Err(error).context("an answer can't be sent");
                }
                self.producer.poll(Duration::from_millis(10));
                record = back;
            }
        }
        // Each is acknowledged or has timed out by then: none of them is left to overtake.
        self.producer.flush(PATIENCE * 3).context("answers are stuck")?;
        if let Some((_, reason)) = self.producer.client().fatal_error() {
            anyhow::bail!("the producer has given up: {reason}");
        }
        let mut acknowledged = std::mem::take(&mut *self.producer.context().locked());
        acknowledged.sort_unstable();
        let said = acknowledged.iter().enumerate().take_while(|(at, place)| at == *place).count();
        if let (Some(first), Some(last)) = (unsaid.first(), unsaid[..said].last()) {
            database.mark_said(first.number, last.number)?;
        }
        Ok(said)
    }
}

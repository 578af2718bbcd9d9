//! Receives messages on a thread of its own. Offsets are committed only when the caller asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::{Offset as RdOffset, TopicPartitionList};
use tokio::sync::mpsc::Sender;
use wire::valid_traceparent;

use super::brokers::{Brokers, KafkaRefused, Quiet};
use super::topic_partition::TopicPartition;

/// How long the thread waits for a message before it checks whether to end.
const POLL_MAX: Duration = Duration::from_millis(100);

/// A received message.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub(crate) at: Offset,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) body: Vec<u8>,
    /// Its W3C trace context.
    pub(crate) traceparent: Option<String>,
}

/// The offset of a message, with its topic and partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offset {
    pub(crate) topic: String,
    pub(crate) partition: TopicPartition,
    pub(crate) offset: i64,
}

/// A member of a consumer group. Dropping it leaves the group.
pub(crate) struct Consumer {
    consumer: Arc<BaseConsumer<Quiet>>,
    is_ended: Arc<AtomicBool>,
}

impl Consumer {
    /// Joins the group, and passes messages on. While `to` is full, no more are fetched.
    pub(crate) fn start(
        brokers: &Brokers,
        group: &str,
        topic: &str,
        to: Sender<Incoming>,
    ) -> Result<Self, KafkaRefused> {
        let mut config = brokers.config();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            // A slow command API is no reason to give the partitions to another member. A process
            // that died is noticed by its missing heartbeat.
            .set("max.poll.interval.ms", "86400000")
            .set("session.timeout.ms", "10000");
        brokers.apply_to(&mut config);
        let consumer: BaseConsumer<Quiet> =
            config.create_with_context(Quiet).map_err(brokers.refused("make a consumer"))?;
        consumer.subscribe(&[topic]).map_err(brokers.refused("subscribe to a topic"))?;
        let (consumer, is_ended) = (Arc::new(consumer), Arc::new(AtomicBool::new(false)));
        let polled = (Arc::clone(&consumer), Arc::clone(&is_ended));
        let receiving = std::thread::Builder::new().name("kafka-consumer".into());
        let receiving = receiving.spawn(move || receive(&polled.0, &polled.1, &to));
        receiving.map_err(brokers.refused("get a thread to receive messages"))?;
        Ok(Self { consumer, is_ended })
    }

    /// Commits offsets without waiting: all messages before them are done. A commit that gets lost
    /// is repeated by the next one and at the end. After a crash some messages come again, which
    /// does no harm.
    pub(crate) fn commit(&self, done: &[Offset]) {
        self.commit_as(done, CommitMode::Async);
    }

    /// Commits offsets, and waits until the broker has them.
    pub(crate) fn commit_now(&self, done: &[Offset]) {
        self.commit_as(done, CommitMode::Sync);
    }

    fn commit_as(&self, done: &[Offset], mode: CommitMode) {
        if done.is_empty() {
            return;
        }
        let mut offsets = TopicPartitionList::with_capacity(done.len());
        for Offset { topic, partition, offset } in done {
            let at = RdOffset::Offset(*offset);
            drop(offsets.add_partition_offset(topic, partition.0, at));
        }
        if let Err(error) = self.consumer.commit(&offsets, mode) {
            tracing::debug!(%error, "offsets aren't committed; later messages come again");
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.is_ended.store(true, Ordering::Relaxed);
    }
}

fn receive(consumer: &BaseConsumer<Quiet>, is_ended: &AtomicBool, to: &Sender<Incoming>) {
    let mut logged = String::new();
    while !is_ended.load(Ordering::Relaxed) {
        match consumer.poll(POLL_MAX) {
            None => {}
            Some(Err(error)) => {
                let why = error.to_string();
                if why != logged {
                    tracing::warn!(why, "can't receive from Kafka");
                    logged = why;
                }
                std::thread::sleep(POLL_MAX);
            }
            Some(Ok(message)) => {
                logged.clear();
                let at = Offset {
                    topic: message.topic().into(),
                    partition: TopicPartition(message.partition()),
                    offset: message.offset(),
                };
                let traceparent = message.headers().and_then(|headers| {
                    let found = headers.iter().find(|header| header.key == "traceparent")?;
                    let text = std::str::from_utf8(found.value?).ok()?;
                    valid_traceparent(text).map(ToOwned::to_owned)
                });
                let incoming = Incoming {
                    at,
                    key: message.key().map(<[u8]>::to_vec),
                    body: message.payload().unwrap_or_default().to_vec(),
                    traceparent,
                };
                if to.blocking_send(incoming).is_err() {
                    return;
                }
            }
        }
    }
}

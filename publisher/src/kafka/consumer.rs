//! Receives messages on a thread of its own. Offsets are committed when the caller asks; only where
//! something is read again, the group is set back at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::{Offset as RdOffset, TopicPartitionList};
use tokio::sync::mpsc::Sender;
use trace::Traceparent;

use super::brokers::{Brokers, KafkaRefused};
use super::reader::{Beginning, ReadConfig, Reader};
use super::topic_partition::TopicPartition;

/// How long the thread waits for a message before it checks whether to end.
const POLL_MAX: Duration = Duration::from_millis(100);

/// How often it is looked whether a topic was created again.
const CHECK_EVERY: Duration = Duration::from_secs(5);

/// What the thread that receives passes on, in its order.
#[derive(Debug)]
pub(crate) enum Received {
    Message(Incoming),
    /// Reading of these partitions begins, or begins anew.
    Begun(Vec<Beginning>),
}

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
    consumer: Arc<BaseConsumer<Reader>>,
    is_ended: Arc<AtomicBool>,
}

impl Consumer {
    /// Joins the group, and passes messages on. While `to` is full, no more are fetched.
    pub(crate) fn start(
        brokers: &Brokers,
        read: ReadConfig,
        to: Sender<Received>,
    ) -> Result<Self, KafkaRefused> {
        let mut config = brokers.config();
        config
            .set("group.id", &read.group)
            .set("enable.auto.commit", "false")
            // The reader says where to begin, and counts what is lost.
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            // A slow command API is no reason to give the partitions to another member. A process
            // that died is noticed by its missing heartbeat.
            .set("max.poll.interval.ms", "86400000")
            .set("session.timeout.ms", "10000");
        brokers.apply_to(&mut config);
        let (topic, is_ended) = (read.topic.clone(), Arc::new(AtomicBool::new(false)));
        let reader = Reader::new(read, to.downgrade(), Arc::clone(&is_ended));
        let consumer: BaseConsumer<Reader> =
            config.create_with_context(reader).map_err(brokers.refused("make a consumer"))?;
        consumer.subscribe(&[&topic]).map_err(brokers.refused("subscribe to a topic"))?;
        let consumer = Arc::new(consumer);
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

/// Whether the offset to read next isn't there any more.
fn is_out_of_range(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{AutoOffsetReset, LogTruncation, OffsetOutOfRange};
    let code = error.rdkafka_error_code();
    [AutoOffsetReset, LogTruncation, OffsetOutOfRange].map(Some).contains(&code)
}

fn receive(consumer: &BaseConsumer<Reader>, is_ended: &AtomicBool, to: &Sender<Received>) {
    let mut logged = String::new();
    let mut check_at = Instant::now() + CHECK_EVERY;
    while !is_ended.load(Ordering::Relaxed) && !consumer.context().has_failed() {
        if Instant::now() >= check_at {
            consumer.context().check_firsts(consumer);
            check_at = Instant::now() + CHECK_EVERY;
        }
        match consumer.poll(POLL_MAX) {
            None => {}
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                consumer.context().note_end(TopicPartition(partition));
            }
            Some(Err(error)) if is_out_of_range(&error) => consumer.context().recover(consumer),
            Some(Err(error)) => {
                consumer.context().note_error(&error);
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
                    Traceparent::parse(text).map(|_| text.to_owned())
                });
                let incoming = Incoming {
                    at,
                    key: message.key().map(<[u8]>::to_vec),
                    body: message.payload().unwrap_or_default().to_vec(),
                    traceparent,
                };
                consumer.context().note(incoming.at.partition, incoming.at.offset);
                if to.blocking_send(Received::Message(incoming)).is_err() {
                    return;
                }
            }
        }
    }
}

/// On librdkafka's mock cluster: a real broker can't be made to refuse one chosen request.
#[cfg(test)]
mod tests {
    use log_record::Generation;
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
    use std::collections::BTreeMap;
    use tokio::sync::mpsc;

    use super::super::acknowledged::AcknowledgedOffsets;
    use super::super::outcomes::MessageTag;
    use super::super::producer::{Outgoing, Producer, Ticket};
    use super::super::reading::Reading;
    use super::*;

    const TOPIC: &str = "earnings";

    const SOON: Duration = Duration::from_secs(30);

    fn until(is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < SOON, "it doesn't come to be");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[tokio::test]
    async fn a_group_that_an_access_control_list_hides_is_told_of_until_it_can_be_read() {
        let cluster = MockCluster::new(1).expect("a cluster");
        cluster.create_topic(TOPIC, 1, 1).expect("a topic");
        let brokers = Brokers { servers: cluster.bootstrap_servers(), properties: vec![] };
        let hidden = RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
        cluster.request_errors(RDKafkaApiKey::JoinGroup, &[hidden; 10]);
        let (to, mut received) = mpsc::channel(10);
        let reading = Arc::new(Reading::default());
        let read = ReadConfig {
            group: "group".into(),
            topic: TOPIC.into(),
            generation: Generation(1),
            reread_from: None,
            remembered: BTreeMap::new(),
            reading: Arc::clone(&reading),
        };
        let consumer = Consumer::start(&brokers, read, to).expect("started");
        until(|| reading.refused().is_some_and(|why| why.contains("consumer group")));
        cluster.clear_request_errors(RDKafkaApiKey::JoinGroup);

        let acknowledged = Arc::new(AcknowledgedOffsets::of(TOPIC));
        let producer = Producer::new(&brokers, None, acknowledged).expect("a producer");
        let partition = TopicPartition(0);
        let message = Outgoing { topic: TOPIC, partition, key: b"ann", headers: &[], body: b"{}" };
        let tag = MessageTag { lane: 0, number: 0 };
        producer.send(message, Ticket::new(Arc::default(), tag)).expect("taken");
        let mut next = async || tokio::time::timeout(SOON, received.recv()).await.expect("in time");
        let begun = next().await;
        assert!(matches!(begun, Some(Received::Begun(_))), "{begun:?}");
        let message = next().await;
        assert!(matches!(message, Some(Received::Message(_))), "{message:?}");
        assert_eq!(reading.refused(), None);
        drop(consumer);
    }
}

//! What stands in a topic, read without the ledger's help, and what was promised of it.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod admin;
pub(crate) mod chain;
pub(crate) mod dice;
pub(crate) mod shop;
pub(crate) mod warehouse;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;

const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A message as it stands in the topic.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

impl Record {
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name} in {self:?}"))
    }

    pub(crate) fn id(&self) -> &str {
        self.header("ce_id")
    }

    pub(crate) fn sequence(&self) -> i64 {
        self.header("sequence").parse().expect("a number")
    }
}

/// All that stands in a topic, by partition in the order of its offsets; nothing where there is no
/// such topic.
pub(crate) fn records(brokers: &str, topic: &str) -> Vec<Record> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "a-test-that-looks")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer");
    let metadata = answered(|| consumer.fetch_metadata(Some(topic), ANSWER_MAX));
    let partitions = metadata.topics()[0].partitions().len();
    let (mut assigned, mut wanted) = (TopicPartitionList::new(), 0);
    let mut ends = BTreeMap::new();
    for partition in 0..i32::try_from(partitions).expect("few") {
        let (first, end) = answered(|| consumer.fetch_watermarks(topic, partition, ANSWER_MAX));
        assigned.add_partition_offset(topic, partition, Offset::Offset(first)).expect("assigned");
        wanted += usize::try_from(end - first).expect("no less than none");
        ends.insert(partition, end);
    }
    consumer.assign(&assigned).expect("assigned");
    let (mut found, begun) = (vec![], Instant::now());
    while found.len() < wanted {
        assert!(begun.elapsed() < ANSWER_MAX, "{} of {wanted} were read", found.len());
        let Some(message) = consumer.poll(Duration::from_millis(200)) else { continue };
        let Ok(message) = message else { continue };
        // What came since would be counted for one that is yet to be read.
        if message.offset() >= ends[&message.partition()] {
            continue;
        }
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        found.push(Record {
            partition: message.partition(),
            offset: message.offset(),
            key: text(message.key().unwrap_or_default()),
            headers: headers
                .map(|header| (header.key.to_owned(), text(header.value.unwrap_or_default())))
                .collect(),
            body: serde_json::from_slice(message.payload().unwrap_or_default()).expect("JSON"),
        });
    }
    found.sort_by_key(|record| (record.partition, record.offset));
    found
}

/// What the broker answers; right after a topic was made it may not know it everywhere.
fn answered<T>(ask: impl Fn() -> KafkaResult<T>) -> T {
    let begun = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(error) => assert!(begun.elapsed() < ANSWER_MAX, "no answer: {error}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What is left when repeats are dropped by their id. Each lane is in one partition, its sequences
/// are dense and in order, and a repeat says the same as the first.
pub(crate) fn check_lanes(records: &[Record]) -> BTreeMap<String, Record> {
    let (mut firsts, mut lanes) = (BTreeMap::<String, Record>::new(), BTreeMap::new());
    for record in records {
        if let Some(first) = firsts.get(record.id()) {
            assert_eq!(first.sequence(), record.sequence(), "{record:?}");
            assert_eq!(first.partition, record.partition, "{record:?}");
            continue;
        }
        let lane = record.header("lane").to_owned();
        let (partition, last) = lanes.entry(lane).or_insert((record.partition, 0));
        assert_eq!(*partition, record.partition, "{record:?} is in another partition");
        assert_eq!(record.sequence(), *last + 1, "{record:?} comes after {last}");
        *last += 1;
        firsts.insert(record.id().to_owned(), record.clone());
    }
    firsts
}

/// Waits until as many different messages stand in the topic.
pub(crate) async fn until_published(brokers: &str, topic: &str, count: usize) -> Vec<Record> {
    let begun = Instant::now();
    loop {
        let (brokers, topic) = (brokers.to_owned(), topic.to_owned());
        let read = tokio::task::spawn_blocking(move || records(&brokers, &topic)).await;
        let found = read.expect("it reads");
        let different: std::collections::BTreeSet<&str> = found.iter().map(Record::id).collect();
        if different.len() >= count {
            return found;
        }
        let there = different.len();
        assert!(begun.elapsed() < Duration::from_secs(60), "{there} of {count} are published");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Says something on a topic, and waits until the broker has it.
pub(crate) fn say(brokers: &str, topic: &str, said: &[(&str, &str)]) {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a producer");
    for (key, body) in said {
        producer.send(BaseRecord::to(topic).key(*key).payload(*body)).expect("queued");
    }
    producer.flush(ANSWER_MAX).expect("the broker has it");
}

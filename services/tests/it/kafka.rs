//! Brokers start, stop, are killed, fill their disks, and come back with what they took.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use services::{Kafka, KafkaCluster, Stop};

/// A broker makes these topics by itself.
const AUTO: &str = "auto.create.topics.enable=true";

fn produce(bootstrap: &str, texts: &[&str]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("acks", "all")
        .create()
        .expect("a producer");
    for text in texts {
        let record = BaseRecord::<(), str>::to("parcels").partition(0).payload(text);
        producer.send(record).expect("queued");
    }
    producer.flush(Duration::from_secs(60)).expect("acknowledged");
}

fn consume(bootstrap: &str, count: usize) -> Vec<String> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "reader")
        .set("auto.offset.reset", "earliest")
        .create()
        .expect("a consumer");
    consumer.subscribe(&["parcels"]).expect("subscribed");
    let (started, mut texts) = (Instant::now(), vec![]);
    while texts.len() < count && started.elapsed() < Duration::from_secs(60) {
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(200)) {
            texts.push(String::from_utf8_lossy(message.payload().unwrap_or_default()).into());
        }
    }
    texts
}

#[test]
fn what_a_broker_took_survives_its_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut broker = Kafka::start(folder.path(), &[AUTO]).expect("it starts");
    produce(&broker.bootstrap(), &["one", "two"]);
    broker.stop(Stop::Kill).expect("killed");
    broker.restart().expect("it comes back");
    produce(&broker.bootstrap(), &["three"]);
    broker.stop(Stop::Fast).expect("stopped");
    broker.restart().expect("it comes back");
    assert_eq!(consume(&broker.bootstrap(), 3), ["one", "two", "three"]);
}

#[test]
fn a_broker_ends_on_a_full_disk_and_comes_back_when_there_is_space() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut broker = Kafka::start_on_small_disk(folder.path(), &[AUTO]).expect("it starts");
    produce(&broker.bootstrap(), &["kept"]);
    broker.fill_disk().expect("filled");
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap())
        .create()
        .expect("a producer");
    let record = BaseRecord::<(), str>::to("parcels").payload("too much");
    producer.send(record).expect("queued");
    let started = Instant::now();
    while broker.is_running() && started.elapsed() < Duration::from_secs(60) {
        producer.poll(Duration::from_millis(50));
    }
    assert!(!broker.is_running(), "it went on without a disk");
    drop(producer);
    broker.empty_disk().expect("emptied");
    broker.restart().expect("it comes back");
    assert_eq!(consume(&broker.bootstrap(), 1), ["kept"]);
}

#[test]
fn a_cluster_of_three_does_without_any_one_of_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut cluster = KafkaCluster::start(folder.path(), &[AUTO]).expect("it starts");
    produce(&cluster.bootstrap(), &["one"]);
    let probe: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap())
        .create()
        .expect("a producer");
    let metadata = probe.client().fetch_metadata(Some("parcels"), Duration::from_secs(30));
    let metadata = metadata.expect("metadata");
    let partition = &metadata.topics()[0].partitions()[0];
    assert_eq!(partition.replicas().len(), 3);
    let leader = usize::try_from(partition.leader()).expect("a leader");
    let bootstrap = cluster.bootstrap();
    cluster.broker(leader).expect("there").stop(Stop::Kill).expect("killed");
    produce(&bootstrap, &["two"]);
    assert_eq!(consume(&bootstrap, 2), ["one", "two"]);
    cluster.broker(leader).expect("there").restart().expect("it comes back");
}

#[test]
fn tests_share_a_broker_that_makes_no_topics_by_itself() {
    let address = services::shared_kafka().expect("it runs");
    assert_eq!(services::shared_kafka().expect("it still runs"), address);
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", &address).create().expect("a producer");
    let metadata =
        producer.client().fetch_metadata(Some("nobody-made-me"), Duration::from_secs(30));
    let metadata = metadata.expect("metadata");
    assert!(metadata.topics()[0].error().is_some());
}

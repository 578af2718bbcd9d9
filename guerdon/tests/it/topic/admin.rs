//! What is done to topics behind the ledger's back.

use std::time::{Duration, Instant};

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

fn admin(brokers: &str) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a client")
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)))
}

pub(crate) async fn make_topic(brokers: &str, topic: &str, name: &str, value: &str) {
    let topic = NewTopic::new(topic, 4, TopicReplication::Fixed(1)).set(name, value);
    let made = admin(brokers).create_topics([&topic], &options()).await.expect("answered");
    made.into_iter().for_each(|made| assert!(made.is_ok(), "{made:?}"));
}

pub(crate) async fn add_partitions(brokers: &str, topic: &str, in_all: usize) {
    let wanted = NewPartitions::new(topic, in_all);
    let added = admin(brokers).create_partitions([&wanted], &options()).await.expect("answered");
    added.into_iter().for_each(|added| assert!(added.is_ok(), "{added:?}"));
}

/// Makes it with so many partitions, in place of what was there.
pub(crate) async fn replace_topic(brokers: &str, topic: &str, partitions: i32) {
    let begun = Instant::now();
    loop {
        delete_topic(brokers, topic).await;
        let topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let made = admin(brokers).create_topics([&topic], &options()).await.expect("answered");
        if made.iter().all(Result::is_ok) {
            return;
        }
        // Some time goes by until it is gone, and somebody else may be faster.
        assert!(begun.elapsed() < Duration::from_secs(20), "{made:?}");
    }
}

pub(crate) async fn alter_topic(brokers: &str, topic: &str, name: &str, value: &str) {
    let change = AlterConfig::new(ResourceSpecifier::Topic(topic)).set(name, value);
    let altered = admin(brokers).alter_configs([&change], &options()).await.expect("answered");
    altered.into_iter().for_each(|altered| assert!(altered.is_ok(), "{altered:?}"));
}

/// What retention does: deletes all messages of a partition before an offset.
pub(crate) async fn delete_before(brokers: &str, topic: &str, partition: i32, offset: i64) {
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(topic, partition, Offset::Offset(offset)).expect("added");
    let deleted = admin(brokers).delete_records(&before, &options()).await.expect("answered");
    for deleted in deleted.elements() {
        assert!(deleted.error().is_ok(), "{deleted:?}");
    }
}

pub(crate) async fn delete_topic(brokers: &str, topic: &str) {
    let gone = admin(brokers).delete_topics(&[topic], &options()).await.expect("answered");
    for gone in gone {
        // Deleted a moment ago, it may not have been made again yet.
        let is_gone = matches!(gone, Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)));
        assert!(is_gone, "{gone:?}");
    }
}

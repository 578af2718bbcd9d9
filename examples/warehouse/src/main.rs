//! A small warehouse that ships what Guerdon requests. It shares no code with the ledger and
//! follows `docs/SHIPPING.md`.
//!
//! One round: process the new messages in one transaction; move the parcels in another; send the
//! answers and wait until Kafka has them; only then commit the offsets. If it is killed anywhere in
//! a round, the same messages come again, and it drops those that are in its database.

mod answers;
mod database;
mod message;
mod options;

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Parser as _;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::answers::Answers;
use crate::database::Database;
use crate::message::Incoming;
use crate::options::Options;

/// How many messages one transaction processes.
const BATCH_MESSAGES_MAX: usize = 500;

/// How long a round waits for a message.
const POLL: Duration = Duration::from_millis(100);

/// The pause before a failed consumer is replaced.
const REST: Duration = Duration::from_secs(1);

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut database = Database::open(&options.database)?;
    let mut answers = Answers::new(&options)?;
    loop {
        let consumer = consumer(&options)?;
        match work(&consumer, &options, &mut database, &mut answers) {
            // A broker that was away may have removed this member from the group.
            Err(error) if error.downcast_ref().is_some_and(is_fatal) => {
                eprintln!("another consumer goes on: {error:#}");
                std::thread::sleep(REST);
            }
            ended => return ended,
        }
    }
}

/// Works round after round, until nothing came for as long as `--until-idle` says.
fn work(
    consumer: &BaseConsumer,
    options: &Options,
    database: &mut Database,
    answers: &mut Answers,
) -> anyhow::Result<()> {
    let mut busy_at = Instant::now();
    loop {
        let batch = poll(consumer)?;
        let next = process(database, options, &batch)?;
        let worked = database.work(options)?;
        let sent = answers.send(database)?;
        if next.count() > 0 {
            // A group that is rebalanced meanwhile refuses the commit; then the messages come
            // again.
            if let Err(error) = consumer.commit(&next, CommitMode::Sync) {
                eprintln!("the offsets were not committed: {error}");
            }
        }
        if !batch.is_empty() || worked > 0 || sent > 0 {
            busy_at = Instant::now();
        }
        if options.until_idle.is_some_and(|seconds| busy_at.elapsed().as_secs() >= seconds) {
            let assigned = consumer.assignment().context("can't read the assigned partitions")?;
            let (topic, brokers) = (&options.topic, &options.brokers);
            ensure!(assigned.count() > 0, "nothing was ever read of {topic} at {brokers}");
            return Ok(());
        }
    }
}

fn consumer(options: &Options) -> anyhow::Result<BaseConsumer> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &options.brokers)
        .set("group.id", format!("{}-{}", options.warehouse, options.topic))
        // One process for one database. A restart under the same name gets its partitions at once.
        .set("group.instance.id", &options.warehouse)
        .set("session.timeout.ms", "10000")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .create()
        .context("can't create the consumer")?;
    consumer.subscribe(&[&options.topic]).context("can't subscribe to the topic")?;
    Ok(consumer)
}

/// The messages that have come, up to a batch.
fn poll(consumer: &BaseConsumer) -> anyhow::Result<Vec<BorrowedMessage<'_>>> {
    let mut batch = vec![];
    let mut wait = POLL;
    while batch.len() < BATCH_MESSAGES_MAX {
        match consumer.poll(wait) {
            None => break,
            Some(Ok(message)) => batch.push(message),
            Some(Err(error)) if is_fatal(&error) => return Err(error).context("Kafka gave up"),
            // The client retries by itself if the broker is away or the topic does not exist yet.
            Some(Err(error)) => {
                eprintln!("{error}");
                break;
            }
        }
        wait = Duration::ZERO;
    }
    Ok(batch)
}

fn is_fatal(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageConsumptionFatal(_))
}

/// Processes a batch in one transaction; returns the offsets to commit.
fn process(
    database: &mut Database,
    options: &Options,
    batch: &[BorrowedMessage<'_>],
) -> anyhow::Result<TopicPartitionList> {
    let mut next = TopicPartitionList::new();
    let processing = database.begin()?;
    for message in batch {
        let (topic, partition) = (message.topic(), message.partition());
        match Incoming::read(message) {
            Ok(incoming) if incoming.warehouse() != options.warehouse => {}
            Ok(incoming) => processing.process(&incoming, options)?,
            Err(error) => {
                let reason = format!("{error:#}");
                processing.set_aside(topic, partition, message.offset(), &reason)?;
            }
        }
        let after = Offset::Offset(message.offset() + 1);
        if next.set_partition_offset(topic, partition, after).is_err() {
            next.add_partition_offset(topic, partition, after)?;
        }
    }
    processing.commit()?;
    Ok(next)
}

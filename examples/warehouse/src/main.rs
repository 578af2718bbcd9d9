//! A small warehouse that ships what Guerdon asks for. It shares no code with the ledger: what it
//! knows of it is in `examples/README.md`.
//!
//! One round: take what came, in one transaction; pack and hand over what is due, in another; say
//! what is to be said and wait until Kafka has it; only then commit the offsets. Killed anywhere in
//! a round, it takes the same messages again and drops those that its database knows.

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

/// How many messages one transaction takes.
const BATCH_MESSAGES_MAX: usize = 500;

/// How long a message is waited for before the round goes on without.
const POLL: Duration = Duration::from_millis(100);

/// How long it waits before another consumer takes the place of one that is no longer any good.
const REST: Duration = Duration::from_secs(1);

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut database = Database::open(&options.database)?;
    let mut answers = Answers::new(&options)?;
    loop {
        let consumer = consumer(&options)?;
        match work(&consumer, &options, &mut database, &mut answers) {
            // A broker that was away may have given its place in the group to itself.
            Err(error) if error.downcast_ref().is_some_and(is_fatal) => {
                eprintln!("another consumer goes on: {error:#}");
                std::thread::sleep(REST);
            }
            ended => return ended,
        }
    }
}

/// Round after round, until there was nothing to do for as long as it was told.
fn work(
    consumer: &BaseConsumer,
    options: &Options,
    database: &mut Database,
    answers: &mut Answers,
) -> anyhow::Result<()> {
    let mut busy_at = Instant::now();
    loop {
        let batch = poll(consumer)?;
        let next = take(database, options, &batch)?;
        let worked = database.work(options)?;
        let said = answers.say(database)?;
        if next.count() > 0 {
            // A group that changes hands meanwhile refuses; then the messages come again.
            if let Err(error) = consumer.commit(&next, CommitMode::Sync) {
                eprintln!("offsets aren't committed: {error}");
            }
        }
        if !batch.is_empty() || worked > 0 || said > 0 {
            busy_at = Instant::now();
        }
        if options.until_idle.is_some_and(|seconds| busy_at.elapsed().as_secs() >= seconds) {
            let place = consumer.assignment().context("Kafka doesn't say what is to be read")?;
            let (topic, brokers) = (&options.topic, &options.brokers);
            ensure!(place.count() > 0, "nothing was ever read of {topic} at {brokers}");
            return Ok(());
        }
    }
}

fn consumer(options: &Options) -> anyhow::Result<BaseConsumer> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &options.brokers)
        .set("group.id", format!("{}-{}", options.warehouse, options.topic))
        // One process for one database. Who restarts under the same name goes on at once.
        .set("group.instance.id", &options.warehouse)
        .set("session.timeout.ms", "10000")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .create()
        .context("the consumer can't be made")?;
    consumer.subscribe(&[&options.topic]).context("the topic can't be subscribed")?;
    Ok(consumer)
}

/// What waits, up to a batch.
fn poll(consumer: &BaseConsumer) -> anyhow::Result<Vec<BorrowedMessage<'_>>> {
    let mut batch = vec![];
    let mut patience = POLL;
    while batch.len() < BATCH_MESSAGES_MAX {
        match consumer.poll(patience) {
            None => break,
            Some(Ok(message)) => batch.push(message),
            Some(Err(error)) if is_fatal(&error) => return Err(error).context("Kafka gave up"),
            // The client tries again by itself: the broker is away, the topic isn't there yet.
            Some(Err(error)) => {
                eprintln!("{error}");
                break;
            }
        }
        patience = Duration::ZERO;
    }
    Ok(batch)
}

fn is_fatal(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageConsumptionFatal(_))
}

/// Takes a batch in one transaction, and says which offsets are next.
fn take(
    database: &mut Database,
    options: &Options,
    batch: &[BorrowedMessage<'_>],
) -> anyhow::Result<TopicPartitionList> {
    let mut next = TopicPartitionList::new();
    let taking = database.begin()?;
    for message in batch {
        let place = (message.topic(), message.partition());
        match Incoming::read(message) {
            Ok(incoming) if incoming.warehouse() != options.warehouse => {}
            Ok(incoming) => taking.take(&incoming, options)?,
            Err(error) => taking.set_aside(place, message.offset(), &format!("{error:#}"))?,
        }
        let after = Offset::Offset(message.offset() + 1);
        if next.set_partition_offset(place.0, place.1, after).is_err() {
            next.add_partition_offset(place.0, place.1, after)?;
        }
    }
    taking.commit()?;
    Ok(next)
}

//! A Kafka of a turn's own, and what stands in its topics.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::message::{Message as _, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use services::{Kafka, Stop};

use crate::processor::own_hundredths;
use crate::stage::Stage;

/// How long it may take to answer, or to give all messages of a topic.
const PATIENCE: Duration = Duration::from_secs(60);

const RETRY_AFTER: Duration = Duration::from_millis(100);

/// How many partitions a topic has that the ledger makes.
const PARTITIONS: i32 = 16;

/// The topic of what it takes before it is measured, for how long, and how many in a row.
const WARM_UP: &str = "warm-up";
const WARM_UP_TIME: Duration = Duration::from_secs(15);
const WARM_UP_BURST: usize = 50;

/// The broker stamps a message when it appends it, so that a topic says itself how fast it grew.
const SETTINGS: [&str; 1] = ["log.message.timestamp.type=LogAppendTime"];

#[derive(Debug)]
pub(crate) struct Broker(Kafka);

impl Broker {
    pub(crate) fn start(stage: &Stage) -> anyhow::Result<Self> {
        Ok(Self(Kafka::start(&stage.folder().join("kafka"), &SETTINGS)?))
    }

    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        self.0.stop(Stop::Fast)
    }

    /// The options of `guerdon serve` for this broker.
    pub(crate) fn options(&self, topic: &str) -> Vec<String> {
        let options = ["--kafka", &self.0.bootstrap(), "--kafka-topic", topic];
        options.into_iter().chain(["--kafka-create-topics"]).map(str::to_owned).collect()
    }

    /// Its processor seconds, in hundredths.
    pub(crate) fn cpu(&self) -> u64 {
        self.0.pid().and_then(own_hundredths).unwrap_or_default()
    }

    /// The settings of every client.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.0.bootstrap());
        config
    }

    /// Makes a topic as the ledger does by default.
    pub(crate) async fn make_topic(&self, name: &str) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        let topic = NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1));
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        for made in admin.create_topics([&topic], &options).await? {
            made.map_err(|(name, why)| anyhow!("there is no topic {name}: {why}"))?;
        }
        Ok(())
    }

    /// Takes and gives messages for a while: a Java that has just started is slow, and busy with
    /// becoming faster on the cores that everybody shares.
    pub(crate) async fn warm_up(&self) -> anyhow::Result<()> {
        self.make_topic(WARM_UP).await?;
        let reader = self.reader(WARM_UP)?;
        let producer: BaseProducer =
            self.client().set("acks", "all").set("linger.ms", "0").create()?;
        let (body, until) = ([b'.'; 500], Instant::now() + WARM_UP_TIME);
        let mut sent = 0;
        while Instant::now() < until {
            for _ in 0..WARM_UP_BURST {
                let record = BaseRecord::<(), [u8]>::to(WARM_UP).payload(&body);
                sent += u64::from(producer.send(record).is_ok());
            }
            producer.flush(PATIENCE)?;
            while reader.next_within(Duration::ZERO).is_some() {}
        }
        ensure!(sent > 0, "the broker takes nothing");
        Ok(())
    }

    /// Reads a topic that is there, from its beginning.
    pub(crate) fn reader(&self, topic: &str) -> anyhow::Result<Reader> {
        let mut config = self.client();
        config.set("group.id", "bench").set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create()?;
        let mut all = TopicPartitionList::new();
        all.add_partition_range(topic, 0, PARTITIONS - 1);
        all.set_all_offsets(Offset::Beginning)?;
        consumer.assign(&all)?;
        Ok(Reader { consumer, all })
    }
}

/// A consumer of all of a topic.
pub(crate) struct Reader {
    consumer: BaseConsumer,
    all: TopicPartitionList,
}

impl Reader {
    /// The next message, unless there is none for a while. A broker that made the topic a moment
    /// ago may not know it yet; who waits for messages doesn't wait for ever.
    pub(crate) fn next(&self) -> Option<OwnedMessage> {
        self.next_within(Duration::from_millis(50))
    }

    fn next_within(&self, wait: Duration) -> Option<OwnedMessage> {
        match self.consumer.poll(wait)? {
            Ok(message) => Some(message.detach()),
            Err(error) => {
                eprintln!("  the topic can't be read for now: {error}");
                None
            }
        }
    }

    /// How many messages stand in it.
    pub(crate) fn count(&self) -> anyhow::Result<u64> {
        let mut count = 0;
        for element in self.all.elements() {
            let (topic, partition) = (element.topic(), element.partition());
            let (_, end) = answered(|| self.consumer.fetch_watermarks(topic, partition, PATIENCE))?;
            count += u64::try_from(end)?;
        }
        Ok(count)
    }

    /// So many messages, which have to be there.
    pub(crate) fn read(&self, count: u64) -> anyhow::Result<Vec<OwnedMessage>> {
        let (started, mut messages) = (Instant::now(), vec![]);
        while (messages.len() as u64) < count {
            ensure!(started.elapsed() < PATIENCE, "{} of {count} were read", messages.len());
            messages.extend(self.next());
        }
        Ok(messages)
    }
}

/// What a broker answers, which may not know at once of a topic that was just made.
fn answered<T>(ask: impl Fn() -> KafkaResult<T>) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        match ask() {
            Err(_) if started.elapsed() < PATIENCE => std::thread::sleep(RETRY_AFTER),
            answer => return answer.context("the broker doesn't answer"),
        }
    }
}

/// From the first message on the topic to the last, by the broker's clock.
pub(crate) fn seconds(messages: &[OwnedMessage]) -> f64 {
    let stamps = || messages.iter().filter_map(|message| message.timestamp().to_millis());
    let millis = stamps().max().unwrap_or_default() - stamps().min().unwrap_or_default();
    millis as f64 / 1000.0
}

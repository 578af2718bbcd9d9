//! Reads the last messages of a topic's first partition again.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use super::brokers::{Brokers, KafkaRefused, Quiet};
use super::diagnosis;

/// How long the brokers may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The partition.
const PARTITION: i32 = 0;

/// A message that was read again.
#[derive(Clone, Debug)]
pub(crate) struct LastMessage {
    pub(crate) body: Vec<u8>,
    pub(crate) offset: i64,
}

/// The last messages, `most` at most, the oldest first. No consumer group is joined.
pub(crate) async fn last_messages(
    brokers: &Brokers,
    topic: &str,
    most: i64,
) -> Result<Vec<LastMessage>, KafkaRefused> {
    let mut config = brokers.config();
    config
        .set("group.id", "guerdon-checkpoints")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "error");
    brokers.apply_to(&mut config);
    let (brokers, topic) = (brokers.clone(), topic.to_owned());
    let doing = "give the last messages of a topic";
    let read = {
        let brokers = brokers.clone();
        tokio::task::spawn_blocking(move || {
            let consumer: BaseConsumer<Quiet> =
                config.create_with_context(Quiet).map_err(brokers.refused("make a consumer"))?;
            let read = read(&consumer, &topic, most);
            read.map_err(|error| diagnosis::refusal(&brokers, doing, error))
        })
    };
    read.await.unwrap_or_else(|_| Err(brokers.refused(doing)(KafkaError::Canceled)))
}

fn read(
    consumer: &BaseConsumer<Quiet>,
    topic: &str,
    most: i64,
) -> Result<Vec<LastMessage>, KafkaError> {
    let (first, end) = consumer.fetch_watermarks(topic, PARTITION, ANSWER_MAX)?;
    let (from, mut messages) = (first.max(end.saturating_sub(most)), vec![]);
    if from >= end {
        return Ok(messages);
    }
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, PARTITION, Offset::Offset(from))?;
    consumer.assign(&list)?;
    loop {
        match consumer.poll(ANSWER_MAX) {
            None => {
                let late = RDKafkaErrorCode::OperationTimedOut;
                return Err(KafkaError::MessageConsumption(late));
            }
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(messages),
            Some(Err(error)) => return Err(error),
            Some(Ok(message)) => {
                let body = message.payload().unwrap_or_default().into();
                messages.push(LastMessage { body, offset: message.offset() });
                if message.offset() + 1 >= end {
                    return Ok(messages);
                }
            }
        }
    }
}

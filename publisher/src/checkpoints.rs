//! Publishes the transparency log's checkpoints to a topic of their own, so that whoever reads it
//! has them whatever becomes of the ledger. What is on the topic already is compared first: it
//! shows a log that was rewritten and signed anew.
//!
//! The topic has one partition. A message's key is the checkpoint's origin and its value the signed
//! note, as `GET /log/{partition}/checkpoint` answers it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::causes::with_causes;
use crate::kafka::acknowledged::AcknowledgedOffsets;
use crate::kafka::brokers::{Brokers, KafkaRefused};
use crate::kafka::last_messages::last_messages;
use crate::kafka::outcomes::{MessageTag, Outcomes};
use crate::kafka::producer::{Failure, Outgoing, Producer, Ticket, Unsent};
use crate::kafka::topic::TopicError;
use crate::kafka::topic_admin::{TopicAdmin, WantedTopic};
use crate::kafka::topic_partition::TopicPartition;

/// How long a checkpoint stays the newest on the topic at least: some megabytes a day at most.
const PUBLISH_EVERY: Duration = Duration::from_secs(10);

/// The pause before it is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How many of the topic's last messages are compared.
const COMPARED: i64 = 10_000;

/// Where checkpoints are published.
#[derive(Clone, Debug)]
pub struct CheckpointTopic {
    /// The brokers.
    pub brokers: Brokers,
    /// The topic.
    pub topic: String,
    /// Whether a missing topic is created.
    pub create: bool,
}

/// What a checkpoint on the topic says of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// Nothing: the log goes on from it, or it is another's.
    Fits,
    /// The log isn't sealed as far as that yet.
    NotYet,
    /// The log has another history. Nothing more is signed, nor published.
    Rewritten,
}

/// The checkpoints of one partition of the log.
pub trait Checkpoints: Send + Sync + 'static {
    /// The newest one that wasn't given yet, as its origin and its note; nothing once there will be
    /// no more.
    fn newest(&mut self) -> impl Future<Output = Option<(String, String)>> + Send;

    /// Compares a note with the log. `place` is where it was found.
    fn compare(
        &self,
        note: &str,
        place: &str,
    ) -> impl Future<Output = Result<Compared, String>> + Send;
}

/// Why nothing is published for now.
#[derive(Debug, thiserror::Error)]
enum Hindered {
    #[error(transparent)]
    Kafka(#[from] KafkaRefused),
    #[error(transparent)]
    Topic(#[from] TopicError),
    #[error("the topic's checkpoints can't be compared: {0}")]
    Uncompared(String),
    #[error(transparent)]
    Unsent(#[from] Failure),
}

/// Publishes until `stop`, or until another history is on the topic. While the brokers are away, it
/// tries again; sealing doesn't wait for it.
pub async fn publish_checkpoints(
    config: CheckpointTopic,
    checkpoints: impl Checkpoints,
    stop: CancellationToken,
) {
    let mut publishing =
        Publishing { config, checkpoints, next: None, is_compared: false, is_told: false };
    stop.run_until_cancelled(publishing.keep_publishing()).await;
}

struct Publishing<C> {
    config: CheckpointTopic,
    checkpoints: C,
    /// One that isn't on the topic yet.
    next: Option<(String, String)>,
    is_compared: bool,
    /// Whether the log says already that nothing is published.
    is_told: bool,
}

impl<C: Checkpoints> Publishing<C> {
    async fn keep_publishing(&mut self) {
        while let Err(why) = self.publish().await {
            let topic = &self.config.topic;
            if !self.is_told {
                let why = with_causes(&why);
                tracing::warn!(topic, why, "the transparency log's checkpoints aren't published");
            }
            self.is_told = true;
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
    }

    /// Ends well once there is nothing more to publish.
    async fn publish(&mut self) -> Result<(), Hindered> {
        // What is on the topic can be compared once something is sealed.
        if !self.has_next().await {
            return Ok(());
        }
        let CheckpointTopic { brokers, topic, create } = self.config.clone();
        let admin = TopicAdmin::new(&brokers)?;
        find_or_create(&admin, &topic, create).await?;
        if !self.is_compared && self.compare().await? == Compared::Rewritten {
            tracing::error!(topic, "the topic has a checkpoint of another history of this log");
            return Ok(());
        }
        self.is_compared = true;
        let acknowledged = Arc::new(AcknowledgedOffsets::of(&topic));
        let producer = Producer::new(&brokers, None, acknowledged)?;
        let outcomes = Arc::new(Outcomes::default());
        let mut number = 0;
        loop {
            let Some((origin, note)) = &self.next else { return Ok(()) };
            let message = Outgoing {
                topic: &topic,
                partition: TopicPartition(0),
                key: origin.as_bytes(),
                headers: &[("content-type", b"text/plain; charset=utf-8")],
                body: note.as_bytes(),
            };
            let ticket = Ticket::new(Arc::clone(&outcomes), MessageTag { lane: 0, number });
            match producer.send(message, ticket) {
                Ok(()) => {}
                Err(Unsent::QueueFull) => {
                    tokio::time::sleep(TRY_AGAIN_AFTER).await;
                    continue;
                }
                Err(Unsent::Failed(failure)) => return Err(failure.into()),
            }
            number += 1;
            outcomes.next().await.outcome?;
            self.next = None;
            if std::mem::take(&mut self.is_told) {
                tracing::info!(topic, "the transparency log's checkpoints are published again");
            }
            tokio::time::sleep(PUBLISH_EVERY).await;
            self.has_next().await;
        }
    }

    /// Waits for a checkpoint to publish; tells whether there is one.
    async fn has_next(&mut self) -> bool {
        if self.next.is_none() {
            self.next = self.checkpoints.newest().await;
        }
        self.next.is_some()
    }

    /// Compares what is on the topic with the log.
    async fn compare(&self) -> Result<Compared, Hindered> {
        let CheckpointTopic { brokers, topic, .. } = &self.config;
        for message in last_messages(brokers, topic, COMPARED).await? {
            let Ok(note) = String::from_utf8(message.body) else { continue };
            let place = format!("the message {} of topic {topic}", message.offset);
            loop {
                let compared = self.checkpoints.compare(&note, &place).await;
                match compared.map_err(Hindered::Uncompared)? {
                    Compared::Fits => break,
                    Compared::NotYet => tokio::time::sleep(TRY_AGAIN_AFTER).await,
                    Compared::Rewritten => return Ok(Compared::Rewritten),
                }
            }
        }
        Ok(Compared::Fits)
    }
}

/// Sees that the topic is there. One that is created keeps its messages for ever.
async fn find_or_create(admin: &TopicAdmin, topic: &str, create: bool) -> Result<(), TopicError> {
    if admin.settings(topic).await?.is_some() {
        return Ok(());
    }
    if !create {
        return Err(TopicError::Missing { topic: topic.into() });
    }
    admin.create(&WantedTopic { name: topic.into(), partitions: 1, keeps_all: true }).await?;
    tracing::info!(topic, "created the topic");
    Ok(())
}

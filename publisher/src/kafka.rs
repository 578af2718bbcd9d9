//! The brokers, and what is wanted of them. Nothing outside this folder knows rdkafka.
//!
//! - [`Producer`]: sends, and tells of each message what became of it
//! - [`Consumer`]: receives, and commits when it is told to
//! - [`TopicAdmin`]: a topic's settings, its ends, and making it

mod consumer;
mod faults;
mod producer;
mod topic_admin;

use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, ClientContext};

pub(crate) use consumer::{Consumer, Incoming, Offset};
pub(crate) use producer::{Delivery, Failure, Outgoing, Producer, Ticket, Unsent};
pub(crate) use topic_admin::{TopicAdmin, TopicSettings, WantedTopic};

/// Which brokers, and how they are reached.
#[derive(Clone)]
pub struct Brokers {
    /// `HOST:PORT,HOST:PORT`.
    pub servers: String,
    /// What librdkafka is told besides, such as `security.protocol`; may hold secrets.
    pub properties: Vec<(String, String)>,
}

/// What Kafka, or librdkafka, refused.
#[derive(Debug, thiserror::Error)]
#[error("Kafka at {servers} refused to {doing}")]
pub struct KafkaRefused {
    pub(crate) servers: String,
    pub(crate) doing: &'static str,
    #[source]
    pub(crate) source: Box<KafkaError>,
}

impl Brokers {
    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers).set("client.id", "guerdon");
        // A topic that the broker makes by itself has whatever settings the broker has.
        config.set("allow.auto.create.topics", "false");
        // What was away is found again soon, and a topic that was made late, too.
        config.set("reconnect.backoff.max.ms", "1000");
        config.set("topic.metadata.refresh.interval.ms", "10000");
        config
    }

    /// What the operator says counts more than what is set here.
    fn apply_to(&self, config: &mut ClientConfig) {
        for (name, value) in &self.properties {
            config.set(name, value);
        }
    }

    fn refused(&self, doing: &'static str) -> impl FnOnce(KafkaError) -> KafkaRefused {
        let servers = self.servers.clone();
        move |source| KafkaRefused { servers, doing, source: Box::new(source) }
    }
}

/// While brokers are away, librdkafka complains many times a second; what comes of it is told
/// elsewhere, and once.
struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka complains");
    }
}

impl ConsumerContext for Quiet {}

/// The properties may be secrets.
impl std::fmt::Debug for Brokers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Brokers({})", self.servers)
    }
}

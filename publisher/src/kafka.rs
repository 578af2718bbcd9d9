//! The brokers, and what is wanted of them. Nothing outside this folder knows rdkafka.
//!
//! - [`Producer`]: sends, and tells of each message what became of it
//! - [`Consumer`]: receives, and commits when it is told to
//! - [`TopicAdmin`]: a topic's settings, its ends, and making it

mod consumer;
mod diagnosis;
mod faults;
mod producer;
mod topic_admin;

use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
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

/// What Kafka, or librdkafka, didn't do.
#[derive(Debug, thiserror::Error)]
#[error("Kafka at {servers} did not {doing}")]
pub struct KafkaRefused {
    servers: String,
    doing: &'static str,
    #[source]
    source: Cause,
}

/// Why. It is logged, and shown to all who ask how the ledger is.
#[derive(Debug, thiserror::Error)]
enum Cause {
    /// Without its value, which may be a secret.
    #[error(
        "the property {0} can't be used: its name isn't known to librdkafka, or its value is none"
    )]
    Property(String),
    /// In librdkafka's words.
    #[error("it can't be reached; nothing is lost, and all goes on when it can: {0}")]
    Unreachable(String),
    #[error(transparent)]
    Kafka(Box<KafkaError>),
    /// This machine's fault.
    #[error(transparent)]
    Machine(#[from] std::io::Error),
}

impl From<KafkaError> for Cause {
    fn from(error: KafkaError) -> Self {
        match error {
            KafkaError::ClientConfig(_, _, name, _) if !name.is_empty() => Self::Property(name),
            error => Self::Kafka(Box::new(error)),
        }
    }
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

    fn refused<E: Into<Cause>>(&self, doing: &'static str) -> impl FnOnce(E) -> KafkaRefused {
        let servers = self.servers.clone();
        move |error| KafkaRefused { servers, doing, source: error.into() }
    }

    /// Likewise, and where they can't be reached, why. It blocks for some seconds at most.
    fn missed(&self, doing: &'static str, error: KafkaError) -> KafkaRefused {
        use RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure, OperationTimedOut};
        let code = error.rdkafka_error_code();
        let is_away = [AllBrokersDown, BrokerTransportFailure, OperationTimedOut].map(Some);
        let why = is_away.contains(&code).then(|| diagnosis::diagnose(self)).flatten();
        let source = why.map_or_else(|| error.into(), Cause::Unreachable);
        KafkaRefused { servers: self.servers.clone(), doing, source }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::with_causes;

    fn refused(name: &str) -> String {
        let properties = vec![(name.into(), "hunter2".into())];
        let brokers = Brokers { servers: "localhost:1".into(), properties };
        let admin = TopicAdmin::new(&brokers);
        with_causes(&admin.err().expect("it is refused"))
    }

    #[test]
    fn a_property_that_can_not_be_used_is_named_and_its_value_is_not() {
        for name in ["sasl.pasword", "security.protocol"] {
            let why = refused(name);
            assert!(why.contains(name), "{why}");
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}

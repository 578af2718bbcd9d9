//! Where the brokers are, how the client connects, and why Kafka refuses.

use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, ClientContext};

/// The brokers, and how the client connects to them.
#[derive(Clone)]
pub struct Brokers {
    /// `HOST:PORT,HOST:PORT`.
    pub servers: String,
    /// Further librdkafka properties, such as `security.protocol`; their values may be secrets.
    pub properties: Vec<(String, String)>,
}

/// A request to Kafka, or to librdkafka, failed.
#[derive(Debug, thiserror::Error)]
#[error("Kafka at {servers} did not {doing}")]
pub struct KafkaRefused {
    pub(super) servers: String,
    pub(super) doing: &'static str,
    #[source]
    pub(super) source: KafkaCause,
}

/// The cause of a failed request. The log and the API show it.
#[derive(Debug, thiserror::Error)]
pub(super) enum KafkaCause {
    /// The message leaves out the property's value, which may be a secret.
    #[error("librdkafka doesn't know the property {0}, or doesn't accept its value")]
    Property(String),
    /// The reason is librdkafka's text.
    #[error(
        "can't reach the brokers; nothing is lost, and publishing goes on once they answer: {0}"
    )]
    Unreachable(String),
    #[error(
        "the ledger's user is not authorized for this topic; allow it to describe the topic, and \
         to read (inbound) or write (outbound) it"
    )]
    NotAuthorized,
    #[error(transparent)]
    Kafka(Box<KafkaError>),
    /// This machine could not start a thread.
    #[error(transparent)]
    Machine(#[from] std::io::Error),
}

/// What an access control list refuses.
const NOT_AUTHORIZED: Option<RDKafkaErrorCode> = Some(RDKafkaErrorCode::TopicAuthorizationFailed);

impl From<KafkaError> for KafkaCause {
    fn from(error: KafkaError) -> Self {
        match error {
            KafkaError::ClientConfig(_, _, name, _) if !name.is_empty() => Self::Property(name),
            error if error.rdkafka_error_code() == NOT_AUTHORIZED => Self::NotAuthorized,
            error => Self::Kafka(Box::new(error)),
        }
    }
}

impl Brokers {
    /// The settings that every client shares.
    pub(super) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers).set("client.id", "guerdon");
        // A topic that the broker creates by itself has the broker's defaults.
        config.set("allow.auto.create.topics", "false");
        // Finds a broker that comes back, and a topic that is created late, within seconds.
        config.set("reconnect.backoff.max.ms", "1000");
        config.set("topic.metadata.refresh.interval.ms", "10000");
        config
    }

    /// Sets the operator's properties last, so that they win.
    pub(super) fn apply_to(&self, config: &mut ClientConfig) {
        for (name, value) in &self.properties {
            config.set(name, value);
        }
    }

    pub(super) fn refused<E: Into<KafkaCause>>(
        &self,
        doing: &'static str,
    ) -> impl FnOnce(E) -> KafkaRefused {
        let servers = self.servers.clone();
        move |error| KafkaRefused { servers, doing, source: error.into() }
    }
}

/// Logs librdkafka's complaints at debug level only: while a broker is away there are many a
/// second, and the caller reports the outcome once.
pub(super) struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka reports an error");
    }
}

impl ConsumerContext for Quiet {}

/// Shows no property: their values may be secrets.
impl std::fmt::Debug for Brokers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Brokers({})", self.servers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causes::with_causes;

    fn refused(name: &str) -> String {
        let properties = vec![(name.into(), "hunter2".into())];
        let brokers = Brokers { servers: "localhost:1".into(), properties };
        let mut config = brokers.config();
        brokers.apply_to(&mut config);
        let client = config.create_with_context::<_, rdkafka::consumer::BaseConsumer<Quiet>>(Quiet);
        let refused = client.map_err(brokers.refused("make a client"));
        with_causes(&refused.err().expect("it is refused"))
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

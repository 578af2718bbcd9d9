//! What a ledger can be told about Kafka. Each field's text is the operator's manual.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use publisher::{Brokers, PublisherConfig, WarehouseRate};

use crate::config::DataConfig;

/// How shipping requests are published.
#[derive(Args, Clone, Debug)]
pub(crate) struct KafkaConfig {
    /// Kafka's brokers, HOST:PORT,HOST:PORT: shipping requests are published there, and what
    /// warehouses and shops say is taken from there. Without it no publisher runs.
    #[arg(long, env = "GUERDON_KAFKA")]
    pub(crate) kafka: Option<String>,

    /// What librdkafka is told besides, NAME=VALUE, such as security.protocol=SASL_SSL; again for
    /// each, or in the variable one a line. Secrets are better in a file: arguments can be seen by
    /// all on the machine.
    #[arg(long, env = "GUERDON_KAFKA_PROPERTY", value_delimiter = '\n', hide_env_values = true)]
    kafka_property: Vec<Property>,

    /// A file with more of them, NAME=VALUE in a line; # begins a comment.
    #[arg(long, env = "GUERDON_KAFKA_PROPERTIES")]
    kafka_properties: Option<PathBuf>,

    /// The topic of the shipping requests.
    #[arg(long, env = "GUERDON_KAFKA_TOPIC", default_value = "guerdon.shipping-requests")]
    kafka_topic: String,

    /// Makes topics that aren't there: three copies and min.insync.replicas 2 where there are three
    /// brokers.
    #[arg(long, env = "GUERDON_KAFKA_CREATE_TOPICS")]
    kafka_create_topics: bool,

    /// How many partitions a topic has that is made so.
    #[arg(long, env = "GUERDON_KAFKA_PARTITIONS", default_value_t = 16)]
    kafka_partitions: u16,

    /// How fast a warehouse is fed, such as main=50/s, north=30/min; one that isn't named takes all
    /// there is.
    #[arg(long, env = "GUERDON_WAREHOUSE_RATE", value_delimiter = ',')]
    warehouse_rate: Vec<WarehouseRate>,
}

/// `NAME=VALUE`; the value may be a secret, and is never shown.
#[derive(Clone)]
struct Property(String, String);

impl std::str::FromStr for Property {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("a property is NAME=VALUE")?;
        Ok(Self(name.trim().into(), value.trim().into()))
    }
}

impl std::fmt::Debug for Property {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Property({})", self.0)
    }
}

impl KafkaConfig {
    /// How the publisher is run; none where there is no Kafka.
    pub(crate) fn publisher(&self, data: &DataConfig) -> anyhow::Result<Option<PublisherConfig>> {
        let Some(servers) = self.kafka.clone() else { return Ok(None) };
        let mut properties = self.properties_in_file()?;
        properties.extend(self.kafka_property.iter().cloned());
        let properties = properties.into_iter().map(|Property(name, value)| (name, value));
        Ok(Some(PublisherConfig {
            brokers: Brokers { servers, properties: properties.collect() },
            topic: self.kafka_topic.clone(),
            create_topics: self.kafka_create_topics.then(|| self.kafka_partitions.max(1).into()),
            state: data.publisher_state(),
            rates: self.warehouse_rate.clone(),
        }))
    }

    fn properties_in_file(&self) -> anyhow::Result<Vec<Property>> {
        let Some(file) = &self.kafka_properties else { return Ok(vec![]) };
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("can't read Kafka's properties in {}", file.display()))?;
        let lines = text.lines().map(str::trim);
        lines
            .enumerate()
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .map(|(number, line)| {
                line.parse().map_err(|error: String| {
                    anyhow::anyhow!("{}, line {}: {error}", file.display(), number + 1)
                })
            })
            .collect()
    }
}

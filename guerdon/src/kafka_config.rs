//! The options about Kafka. Each field's text is the operator's manual.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use clap::Args;
use command_api::ReadClock;
use domain::Timestamp;
use publisher::{
    Brokers, CheckpointTopic, CommandApiAt, PublisherConfig, ResendPolicy, WarehouseRate, WayIn,
    is_topic_name,
};
use trace::Tracer;
use wire::Switches;

use crate::command_line::{http_url, path};
use crate::data_config::DataConfig;
use crate::duration::some_time;
use crate::http_client::http_client;
use crate::key_file::keys_in;

/// The properties that only the ledger sets: with other values it would lose or skip messages.
const OWN: [&str; 14] = [
    "acks",
    "request.required.acks",
    "enable.idempotence",
    "message.timeout.ms",
    "delivery.timeout.ms",
    "delivery.report.only.error",
    "enable.auto.commit",
    "auto.offset.reset",
    "group.id",
    // A consumer is assigned whole partitions, and places itself in each.
    "partition.assignment.strategy",
    "group.protocol",
    "group.remote.assignor",
    "isolation.level",
    "enable.partition.eof",
];

/// How to publish shipping requests.
#[derive(Args, Clone, Debug)]
pub(crate) struct KafkaConfig {
    /// Kafka's brokers, HOST:PORT,HOST:PORT. The publisher writes shipping requests there and reads
    /// messages from warehouses and shops. Without this option no publisher runs.
    #[arg(long, env = "GUERDON_KAFKA", hide_env_values = true, value_parser = servers)]
    pub(crate) kafka: Option<String>,

    /// A property for librdkafka, NAME=VALUE, such as security.protocol=ssl. Repeat the option for
    /// each property; in the variable, write one per line. Put secrets into a file instead, because
    /// everyone on the machine can see a program's arguments.
    #[arg(long, env = "GUERDON_KAFKA_PROPERTY", value_delimiter = '\n', hide_env_values = true)]
    kafka_property: Vec<Property>,

    /// A file with properties for librdkafka: one NAME=VALUE per line; # begins a comment.
    #[arg(long, env = "GUERDON_KAFKA_PROPERTIES", value_parser = path)]
    kafka_properties: Option<PathBuf>,

    /// The topic of the shipping requests.
    #[arg(
        long,
        env = "GUERDON_KAFKA_TOPIC",
        hide_env_values = true,
        default_value = "guerdon.shipping-requests",
        value_parser = topic
    )]
    kafka_topic: String,

    /// Create missing topics. With three or more brokers, they get three replicas and
    /// min.insync.replicas 2.
    #[arg(long, env = "GUERDON_KAFKA_CREATE_TOPICS")]
    kafka_create_topics: bool,

    /// The number of partitions of a topic that the ledger creates.
    #[arg(long, env = "GUERDON_KAFKA_PARTITIONS", default_value_t = 16)]
    kafka_partitions: u16,

    /// Each warehouse's rate limit, such as main=50/s,north=30/min. A warehouse that isn't named
    /// has no limit.
    #[arg(long, env = "GUERDON_WAREHOUSE_RATE", value_delimiter = ',')]
    warehouse_rate: Vec<WarehouseRate>,

    /// The topic of the warehouses' reports.
    #[arg(
        long,
        env = "GUERDON_KAFKA_WAREHOUSE_EVENTS",
        hide_env_values = true,
        default_value = "guerdon.warehouse-events",
        value_parser = topic
    )]
    kafka_warehouse_events: String,

    /// The topic of the shoppers' earnings.
    #[arg(
        long,
        env = "GUERDON_KAFKA_EARNINGS",
        hide_env_values = true,
        default_value = "guerdon.earnings",
        value_parser = topic
    )]
    kafka_earnings: String,

    /// A topic that gets the newest checkpoint of the transparency log every 10 seconds, so that
    /// whoever reads it notices a rewritten log. What is there is compared at each start. [default:
    /// checkpoints go to no topic]
    #[arg(
        long,
        env = "GUERDON_KAFKA_CHECKPOINTS",
        hide_env_values = true,
        value_name = "TOPIC",
        value_parser = topic
    )]
    kafka_checkpoints: Option<String>,

    /// The consumer group for the warehouses' reports. The group for earnings has the same name
    /// with -earnings at the end.
    #[arg(long, env = "GUERDON_KAFKA_GROUP", hide_env_values = true, default_value = "guerdon")]
    kafka_group: String,

    /// The time from which messages of warehouses and shops are read again after a fork, because
    /// the log may have lost what they said, such as 2026-11-29T00:00:00Z. [default: all that
    /// Kafka keeps are read again]
    #[arg(long, env = "GUERDON_REREAD_FROM", value_name = "TIME")]
    reread_from: Option<Timestamp>,

    /// The time after which an unaccepted request is sent again: 90s, 15min, 2h.
    #[arg(long, env = "GUERDON_ACCEPT_WITHIN", default_value = "15min", value_parser = some_time)]
    accept_within: Duration,

    /// The number of attempts after which an unaccepted shipping request is overdue.
    #[arg(long, env = "GUERDON_ALERT_AFTER", default_value_t = 5)]
    alert_after: u32,

    /// The command API's address, http://HOST:PORT, for a publisher in another process. The
    /// publisher uses the keys in --command-api-keys.
    #[arg(long, env = "GUERDON_COMMAND_API", hide_env_values = true, value_parser = http_url)]
    command_api: Option<String>,

    /// A file with the keys of a warehouse and a merchant. [default: api-keys.json in the data
    /// folder]
    #[arg(long, env = "GUERDON_COMMAND_API_KEYS", value_parser = path)]
    command_api_keys: Option<PathBuf>,
}

/// Brokers are named in errors and in the log, so no user or password is a part of them.
fn servers(text: &str) -> Result<String, String> {
    let is_server = |server: &str| {
        let is_plain = |it: char| it.is_ascii_alphanumeric() || ".-_:[]".contains(it);
        !server.is_empty() && server.chars().all(is_plain)
    };
    if text.split(',').map(str::trim).all(is_server) {
        Ok(text.to_owned())
    } else {
        Err("brokers are HOST:PORT,HOST:PORT; a user and a password go into a file of properties"
            .into())
    }
}

fn topic(text: &str) -> Result<String, String> {
    if is_topic_name(text) {
        Ok(text.to_owned())
    } else {
        Err("a topic's name has 1 to 249 letters, digits, dots, underscores and hyphens, but is not \
             `.` or `..`"
            .into())
    }
}

/// `NAME=VALUE`; the value may be a secret, and is never shown.
#[derive(Clone)]
struct Property(String, String);

impl std::str::FromStr for Property {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let why = "a property is NAME=VALUE, and its name has lower-case letters, digits and dots";
        let (name, value) = text.split_once('=').ok_or(why)?;
        let name = name.trim();
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || b"0123456789._-".contains(&byte);
        // A name is shown in errors. With an = in the wrong place, it would have a secret in it.
        if name.is_empty() || !name.bytes().all(is_plain) {
            return Err(why.into());
        }
        Ok(Self(name.into(), value.trim().into()))
    }
}

impl std::fmt::Debug for Property {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Property({})", self.0)
    }
}

impl KafkaConfig {
    /// The files that may hold passwords and keys.
    pub(crate) fn private_files(&self) -> impl Iterator<Item = PathBuf> {
        [self.kafka_properties.clone(), self.command_api_keys.clone()].into_iter().flatten()
    }

    /// Whether there is a Kafka to publish to.
    pub(crate) const fn is_on(&self) -> bool {
        self.kafka.is_some()
    }

    /// The publisher's settings; none without Kafka.
    pub(crate) fn publisher(
        &self,
        data: &DataConfig,
        command_api: Option<Router>,
    ) -> anyhow::Result<Option<PublisherConfig>> {
        let Some(servers) = self.kafka.clone() else { return Ok(None) };
        let now = (ReadClock::system().0)().wall;
        if let Some(from) = self.reread_from.filter(|from| *from > now) {
            bail!(
                "--reread-from is {from}, which is in the future: it is {now} now, and nothing would \
                 be read again"
            );
        }
        Ok(Some(PublisherConfig {
            brokers: self.brokers(servers)?,
            topic: self.kafka_topic.clone(),
            create_topics: self.kafka_create_topics.then(|| self.kafka_partitions.max(1).into()),
            state: data.publisher_state(),
            rates: self.warehouse_rate.clone(),
            resend_policy: ResendPolicy {
                accept_within: self.accept_within,
                alert_after: self.alert_after,
            },
            way_in: WayIn {
                command_api: self.command_api(data, command_api)?,
                group: self.kafka_group.clone(),
                warehouse_events: self.kafka_warehouse_events.clone(),
                earnings: self.kafka_earnings.clone(),
            },
            reread_from: self.reread_from,
            tracer: Tracer::default(),
            switches: Switches::default(),
        }))
    }

    /// Where checkpoints are published, if they are.
    pub(crate) fn checkpoints(&self) -> anyhow::Result<Option<CheckpointTopic>> {
        let Some(topic) = self.kafka_checkpoints.clone() else { return Ok(None) };
        let servers = self.kafka.clone();
        let servers =
            servers.context("--kafka-checkpoints names a topic, and --kafka no broker")?;
        let brokers = self.brokers(servers)?;
        Ok(Some(CheckpointTopic { brokers, topic, create: self.kafka_create_topics }))
    }

    fn brokers(&self, servers: String) -> anyhow::Result<Brokers> {
        let mut properties = self.properties_in_file()?;
        properties.extend(self.kafka_property.iter().cloned());
        if let Some(Property(name, _)) = properties.iter().find(|it| OWN.contains(&&*it.0)) {
            bail!("the property {name} of Kafka is the ledger's own: its promises rest on it");
        }
        let properties = properties.into_iter().map(|Property(name, value)| (name, value));
        Ok(Brokers { servers, properties: properties.collect() })
    }

    fn command_api(&self, data: &DataConfig, here: Option<Router>) -> anyhow::Result<CommandApiAt> {
        let url = match (&self.command_api, here) {
            (Some(url), _) => url.trim_end_matches('/').to_owned(),
            (None, Some(router)) => return Ok(CommandApiAt::InProcess(router)),
            (None, None) => bail!(
                "a publisher without a command API in its process needs --command-api URL: what \
                 warehouses say becomes commands there"
            ),
        };
        let file = self.command_api_keys.clone().unwrap_or_else(|| data.api_keys());
        let [warehouse_key, merchant_key] = keys_in(&file, ["warehouse", "merchant"])?;
        let client = http_client()?;
        Ok(CommandApiAt::Http { url, warehouse_key, merchant_key, client })
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

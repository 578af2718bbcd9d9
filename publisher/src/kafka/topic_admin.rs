//! Asks the brokers for a topic's settings and ends, and creates topics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::brokers::{Brokers, KafkaRefused, Quiet};
use super::diagnosis;
use super::topic_partition::TopicPartition;
use crate::causes::with_causes;

/// How long the brokers may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

type Admin = AdminClient<Quiet>;

/// Asks the brokers about topics.
#[derive(Clone)]
pub(crate) struct TopicAdmin {
    brokers: Brokers,
    client: Arc<Admin>,
}

/// A topic to create.
#[derive(Clone, Debug)]
pub(crate) struct WantedTopic {
    pub(crate) name: String,
    pub(crate) partitions: i32,
    /// Whether its messages stay for ever, whatever the brokers' default is.
    pub(crate) keeps_all: bool,
}

/// A topic as the brokers describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicSettings {
    pub(crate) partitions: i32,
    /// The lowest replication factor of its partitions.
    pub(crate) replication: usize,
    /// The number of brokers in the cluster.
    pub(crate) brokers: usize,
    /// Settings by name, such as `min.insync.replicas`; `None` if the brokers don't describe them.
    pub(crate) configs: Option<BTreeMap<String, String>>,
}

/// The replication factor of a topic that is created here, if the cluster has as many brokers.
const COPIES: usize = 3;

/// A cluster's answer about one topic.
struct Described {
    brokers: usize,
    partitions: i32,
    replication: usize,
}

impl TopicAdmin {
    pub(crate) fn new(brokers: &Brokers) -> Result<Self, KafkaRefused> {
        let mut config = brokers.config();
        brokers.apply_to(&mut config);
        let client = config.create_with_context(Quiet).map_err(brokers.refused("make a client"))?;
        Ok(Self { brokers: brokers.clone(), client: Arc::new(client) })
    }

    /// The topic's settings; `None` if the topic doesn't exist.
    pub(crate) async fn settings(
        &self,
        topic: &str,
    ) -> Result<Option<TopicSettings>, KafkaRefused> {
        let name = topic.to_owned();
        let asked = self.blocking("describe its topics", move |client| {
            let metadata = client.inner().fetch_metadata(Some(&name), ANSWER_MAX)?;
            let brokers = metadata.brokers().len();
            let found = metadata.topics().iter().find(|topic| topic.name() == name);
            let Some(topic) = found else { return Ok(None) };
            match topic.error().map(RDKafkaErrorCode::from) {
                None => {}
                Some(
                    RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic,
                ) => return Ok(None),
                // One that an access control list hides, or that is being elected a leader for.
                Some(error) => return Err(KafkaError::MetadataFetch(error)),
            }
            let partitions = topic.partitions();
            let copies = partitions.iter().map(|partition| partition.replicas().len());
            Ok(Some(Described {
                brokers,
                partitions: i32::try_from(partitions.len()).unwrap_or(i32::MAX),
                replication: copies.min().unwrap_or_default(),
            }))
        });
        let Some(described) = asked.await? else { return Ok(None) };
        let Described { brokers, partitions, replication } = described;
        // Sending doesn't need them, and not every broker describes its topics.
        let configs = self.configs(topic).await.inspect_err(|error| {
            tracing::debug!(topic, error = with_causes(error), "can't read the topic's settings");
        });
        let configs = configs.ok();
        Ok(Some(TopicSettings { partitions, replication, brokers, configs }))
    }

    async fn configs(&self, topic: &str) -> Result<BTreeMap<String, String>, KafkaRefused> {
        let asked = [ResourceSpecifier::Topic(topic)];
        let options = AdminOptions::new().request_timeout(Some(ANSWER_MAX));
        let described = self.client.describe_configs(&asked, &options).await;
        let described = described.map_err(self.brokers.refused("describe a topic"))?;
        let entries = described.into_iter().filter_map(Result::ok);
        let entries = entries.flat_map(|resource: ConfigResource| resource.entries);
        Ok(entries.filter_map(|entry| Some((entry.name, entry.value?))).collect())
    }

    /// Creates a topic with replication factor 3 and `min.insync.replicas` 2, or a lower factor in
    /// a smaller cluster. An existing topic stays as it is.
    pub(crate) async fn create(&self, wanted: &WantedTopic) -> Result<(), KafkaRefused> {
        let brokers = self.blocking("list its brokers", |client| {
            Ok(client.inner().fetch_metadata(None, ANSWER_MAX)?.brokers().len())
        });
        let copies = brokers.await?.clamp(1, COPIES);
        let fixed = TopicReplication::Fixed(i32::try_from(copies).unwrap_or(1));
        let mut topic = NewTopic::new(&wanted.name, wanted.partitions, fixed);
        if copies == COPIES {
            topic = topic.set("min.insync.replicas", "2");
        }
        if wanted.keeps_all {
            topic = topic.set("cleanup.policy", "delete").set("retention.ms", "-1");
            topic = topic.set("retention.bytes", "-1");
        }
        let options = AdminOptions::new().request_timeout(Some(ANSWER_MAX));
        let created = self.client.create_topics([&topic], &options).await;
        let created = created.map_err(self.brokers.refused("create a topic"))?;
        match created.into_iter().next() {
            Some(Err((_, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => {
                Err(self.brokers.refused("create a topic")(KafkaError::AdminOp(code)))
            }
            _ => Ok(()),
        }
    }

    /// The offset after the last message of a partition.
    pub(crate) async fn end(
        &self,
        topic: &str,
        partition: TopicPartition,
    ) -> Result<i64, KafkaRefused> {
        let topic = topic.to_owned();
        let asked = self.blocking("give the end of a partition", move |client| {
            client.inner().fetch_watermarks(&topic, partition.0, ANSWER_MAX)
        });
        asked.await.map(|(_, end)| end)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        doing: &'static str,
        ask: impl FnOnce(&Admin) -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T, KafkaRefused> {
        let (client, brokers) = (Arc::clone(&self.client), self.brokers.clone());
        let asked = tokio::task::spawn_blocking(move || {
            ask(&client).map_err(|error| diagnosis::refusal(&brokers, doing, error))
        });
        asked.await.unwrap_or_else(|_| Err(self.brokers.refused(doing)(KafkaError::Canceled)))
    }
}

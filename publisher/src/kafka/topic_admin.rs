//! A topic's settings, its ends, and making it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::{Brokers, KafkaRefused, Quiet};

/// How long the brokers may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

type Admin = AdminClient<Quiet>;

/// Asks the brokers about topics.
#[derive(Clone)]
pub(crate) struct TopicAdmin {
    brokers: Brokers,
    client: Arc<Admin>,
}

/// A topic to be made.
#[derive(Clone, Debug)]
pub(crate) struct WantedTopic {
    pub(crate) name: String,
    pub(crate) partitions: i32,
}

/// What the brokers say about a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicSettings {
    pub(crate) partitions: i32,
    /// The fewest copies that a partition of it is meant to have.
    pub(crate) replication: usize,
    /// How many brokers there are.
    pub(crate) brokers: usize,
    /// By name: `min.insync.replicas` and others; nothing where the brokers don't tell.
    pub(crate) configs: Option<BTreeMap<String, String>>,
}

/// How many copies a topic that is made here has, where there are as many brokers.
const COPIES: usize = 3;

impl TopicAdmin {
    pub(crate) fn new(brokers: &Brokers) -> Result<Self, KafkaRefused> {
        let mut config = brokers.config();
        brokers.apply_to(&mut config);
        let client = config.create_with_context(Quiet).map_err(brokers.refused("make a client"))?;
        Ok(Self { brokers: brokers.clone(), client: Arc::new(client) })
    }

    /// The topic's settings; none where there is no such topic.
    pub(crate) async fn settings(
        &self,
        topic: &str,
    ) -> Result<Option<TopicSettings>, KafkaRefused> {
        let name = topic.to_owned();
        let asked = self.blocking("tell of its topics", move |client| {
            let metadata = client.inner().fetch_metadata(Some(&name), ANSWER_MAX)?;
            let brokers = metadata.brokers().len();
            let found = metadata.topics().iter().find(|topic| topic.name() == name);
            Ok(found.filter(|topic| topic.error().is_none()).map(|topic| {
                let partitions = topic.partitions();
                let copies = partitions.iter().map(|partition| partition.replicas().len());
                let count = i32::try_from(partitions.len()).unwrap_or(i32::MAX);
                (brokers, count, copies.min().unwrap_or_default())
            }))
        });
        let Some((brokers, partitions, replication)) = asked.await? else { return Ok(None) };
        // What is sent doesn't wait for them: not every broker describes its topics.
        let configs = self.configs(topic).await.inspect_err(|error| {
            tracing::debug!(topic, error = crate::with_causes(error), "settings aren't told");
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

    /// Makes a topic with three copies of everything, of which two must have a message before it
    /// counts; with fewer where there are fewer brokers. One that is there stays as it is.
    pub(crate) async fn create(&self, wanted: &WantedTopic) -> Result<(), KafkaRefused> {
        let brokers = self.blocking("tell of its brokers", |client| {
            Ok(client.inner().fetch_metadata(None, ANSWER_MAX)?.brokers().len())
        });
        let copies = brokers.await?.clamp(1, COPIES);
        let fixed = TopicReplication::Fixed(i32::try_from(copies).unwrap_or(1));
        let mut topic = NewTopic::new(&wanted.name, wanted.partitions, fixed);
        if copies == COPIES {
            topic = topic.set("min.insync.replicas", "2");
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
    pub(crate) async fn end(&self, topic: &str, partition: i32) -> Result<i64, KafkaRefused> {
        let topic = topic.to_owned();
        let asked = self.blocking("tell where a partition ends", move |client| {
            client.inner().fetch_watermarks(&topic, partition, ANSWER_MAX)
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
            ask(&client).map_err(|error| brokers.missed(doing, error))
        });
        asked.await.unwrap_or_else(|_| Err(self.brokers.refused(doing)(KafkaError::Canceled)))
    }
}

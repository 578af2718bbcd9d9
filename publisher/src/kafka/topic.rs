//! A topic that the publisher uses: whether it exists, how safe its settings are, and whether it
//! still holds what it acknowledged.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::acknowledged::AcknowledgedOffsets;
use super::brokers::KafkaRefused;
use super::reading::{Reading, ReadingReport};
use super::topic_admin::{TopicAdmin, TopicSettings, WantedTopic};
use super::weakness::weaknesses;
use crate::causes::with_causes;

/// The longest name that Kafka takes.
const TOPIC_NAME_BYTES_MAX: usize = 249;

/// Whether Kafka takes this as a topic's name. The client panics at some that it doesn't.
#[must_use]
pub fn is_topic_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=TOPIC_NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(is_allowed)
        && name != "."
        && name != ".."
}

/// The pause between two checks, and the pause after a check that failed.
const CHECK_EVERY: Duration = Duration::from_secs(5);
const CHECK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How often a topic that was just created is asked for.
const CREATED_POLL: Duration = Duration::from_millis(50);

/// A topic, as far as it is known.
pub(crate) struct Topic {
    pub(crate) name: String,
    /// The number of partitions if the topic has to be created; `None`: it isn't created.
    create: Option<i32>,
    pub(crate) acknowledged: Arc<AcknowledgedOffsets>,
    /// Of an inbound topic.
    pub(crate) reading: Option<Arc<Reading>>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    settings: Option<TopicSettings>,
    /// Why the topic can't be used at the moment.
    trouble: Option<String>,
}

/// Why a topic can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// The brokers refused, or can't be reached.
    #[error(transparent)]
    Kafka(#[from] KafkaRefused),
    /// The topic doesn't exist, and the configuration forbids creating it.
    #[error(
        "topic {topic} doesn't exist; create it with replication factor 3 and min.insync.replicas \
         2, or start with --kafka-create-topics"
    )]
    Missing {
        /// Its name.
        topic: String,
    },
    /// The topic was created again, and some lanes' partitions are gone.
    #[error("topic {topic} has fewer partitions than before; its lanes move to those that exist")]
    FewerPartitions {
        /// Its name.
        topic: String,
    },
}

/// A topic as operators see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct TopicReport {
    pub(crate) name: String,
    partitions: Option<i32>,
    /// Settings that could lose messages.
    pub(crate) weaknesses: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    /// Losses since the start of the process: of acknowledged messages, or, where the topic is
    /// inbound, of messages that were not read yet.
    pub(crate) losses: u64,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) reading: Option<ReadingReport>,
}

impl TopicReport {
    /// Whether nothing can be sent to the topic at the moment.
    pub(crate) const fn is_in_trouble(&self) -> bool {
        self.trouble.is_some()
    }

    /// What an operator should fix.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let name = &self.name;
        let trouble = self.trouble.iter().map(|why| format!("topic {name} can't be used: {why}"));
        let weak = self.weaknesses.iter().map(|weakness| format!("topic {name}: {weakness}"));
        let lost = match &self.reading {
            None => format!("topic {name} has lost what it acknowledged"),
            Some(ReadingReport { lost_messages: 0, .. }) => format!(
                "topic {name} was created again, or its end is gone: what was unread is lost"
            ),
            Some(ReadingReport { lost_messages, .. }) => {
                format!("topic {name} has lost {lost_messages} messages before they were read")
            }
        };
        trouble.chain(weak).chain((self.losses > 0).then_some(lost)).collect()
    }
}

impl Topic {
    pub(crate) fn new(name: &str, create: Option<i32>) -> Self {
        let acknowledged = Arc::new(AcknowledgedOffsets::of(name));
        Self { name: name.into(), create, acknowledged, reading: None, known: Mutex::default() }
    }

    /// A topic that is read.
    pub(crate) fn inbound(name: &str, create: Option<i32>) -> Self {
        Self { reading: Some(Arc::default()), ..Self::new(name, create) }
    }

    /// The number of partitions; `None` before the first successful check.
    pub(crate) fn partitions(&self) -> Option<i32> {
        self.known.lock().settings.as_ref().map(|settings| settings.partitions)
    }

    /// The largest message that the topic takes, if the brokers show that setting.
    pub(crate) fn message_bytes_max(&self) -> Option<u32> {
        let known = self.known.lock();
        let configs = known.settings.as_ref()?.configs.as_ref()?;
        configs.get("max.message.bytes")?.parse().ok()
    }

    pub(crate) fn report(&self) -> TopicReport {
        let reading = self.reading.as_ref().map(|reading| reading.report());
        let lost_unread = reading.map_or(0, |reading| reading.losses);
        let refused = self.reading.as_ref().and_then(|reading| reading.refused());
        let known = self.known.lock();
        TopicReport {
            name: self.name.clone(),
            partitions: known.settings.as_ref().map(|settings| settings.partitions),
            weaknesses: known.settings.as_ref().map(weaknesses).unwrap_or_default(),
            trouble: known.trouble.clone().or(refused.map(Into::into)),
            losses: self.acknowledged.losses_since_start() + lost_unread,
            reading,
        }
    }

    /// Checks the topic again and again. Fails if the topic has fewer partitions than `needed`.
    pub(crate) async fn keep_checking(
        &self,
        mut needed: Option<i32>,
        admin: &TopicAdmin,
        stop: &CancellationToken,
    ) -> Result<(), TopicError> {
        let mut pause = CHECK_EVERY;
        while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            pause = match self.check(admin).await {
                Ok(()) => CHECK_EVERY,
                Err(_) => CHECK_AGAIN_AFTER,
            };
            if self.partitions() < needed {
                return Err(TopicError::FewerPartitions { topic: self.name.clone() });
            }
            // New lanes may use the partitions that were added since.
            needed = needed.max(needed.and(self.partitions()));
        }
        Ok(())
    }

    /// Checks that the topic exists, how safe it is, and that its partitions end where they did.
    /// Creates the topic if it is missing and the configuration allows it.
    pub(crate) async fn check(&self, admin: &TopicAdmin) -> Result<(), TopicError> {
        let checked = self.check_closely(admin).await;
        let trouble = checked.as_ref().err().map(|error| with_causes(error));
        let mut known = self.known.lock();
        match (&known.trouble, &trouble) {
            (None, Some(why)) => tracing::error!(why, topic = self.name, "can't use the topic"),
            (Some(_), None) => tracing::info!(topic = self.name, "the topic can be used again"),
            _ => {}
        }
        known.trouble = trouble;
        checked
    }

    async fn check_closely(&self, admin: &TopicAdmin) -> Result<(), TopicError> {
        let settings = match (admin.settings(&self.name).await?, self.create) {
            (Some(settings), _) => settings,
            (None, Some(partitions)) => {
                let name = self.name.clone();
                admin.create(&WantedTopic { name, partitions, keeps_all: false }).await?;
                tracing::info!(topic = self.name, partitions, "created the topic");
                self.created(admin).await?
            }
            (None, None) => return Err(self.missing()),
        };
        let partitions = settings.partitions;
        self.note(settings);
        for (partition, offset) in self.acknowledged.last() {
            let exists = partition.0 < partitions;
            let end = if exists { admin.end(&self.name, partition).await? } else { 0 };
            self.acknowledged.check_end(partition, offset, end);
        }
        Ok(())
    }

    /// Waits until a topic that was just created is known to all brokers.
    async fn created(&self, admin: &TopicAdmin) -> Result<TopicSettings, TopicError> {
        let until = Instant::now() + CHECK_EVERY;
        loop {
            match admin.settings(&self.name).await {
                Ok(Some(settings)) => return Ok(settings),
                Err(error) if Instant::now() >= until => return Err(error.into()),
                Ok(None) if Instant::now() >= until => return Err(self.missing()),
                _ => tokio::time::sleep(CREATED_POLL).await,
            }
        }
    }

    pub(crate) fn missing(&self) -> TopicError {
        TopicError::Missing { topic: self.name.clone() }
    }

    /// Stores the settings. Where the brokers did not show them this time, the last ones stay.
    fn note(&self, mut settings: TopicSettings) {
        let mut known = self.known.lock();
        if settings.configs.is_none() {
            settings.configs = known.settings.as_ref().and_then(|before| before.configs.clone());
        }
        if known.settings.as_ref() != Some(&settings) {
            for weakness in weaknesses(&settings) {
                tracing::warn!(topic = self.name, weakness, "the topic's settings are not safe");
            }
            known.settings = Some(settings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_the_brokers_do_not_show_stay_as_they_were() {
        let configs = [("max.message.bytes".to_owned(), "2000".to_owned())];
        let shown = TopicSettings {
            partitions: 16,
            replication: 3,
            brokers: 3,
            configs: Some(configs.into()),
        };
        let topic = Topic::new("requests", None);
        topic.note(shown.clone());
        topic.note(TopicSettings { configs: None, ..shown });
        assert_eq!(topic.message_bytes_max(), Some(2_000));
    }
}

//! The topic that shipping requests are sent to: whether it is there, how safe it is, and whether
//! it still holds what it acknowledged.
//!
//! Kafka tells nobody that a topic was deleted and made anew, or that its end was lost with a
//! broker. It shows by the offsets: one that was given out already, or an end before the last one.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::PublishError;
use crate::kafka::{TopicAdmin, TopicSettings, WantedTopic};
use crate::state::PartitionRow;

/// How often it is looked at, and how often while it isn't there.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A day: what is kept for less may be gone before a warehouse comes to read it.
const RETENTION_MIN_MS: i64 = 86_400_000;

/// The topic, as far as it is known.
pub(crate) struct Topic {
    pub(crate) name: String,
    /// How many partitions it gets where it is made here; not made where nothing is said.
    create: Option<i32>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    settings: Option<TopicSettings>,
    /// Why it can't be used at the moment.
    trouble: Option<String>,
    /// The last offset that each partition acknowledged.
    acknowledged: BTreeMap<i32, i64>,
    /// How often each partition has lost messages, ever.
    losses: BTreeMap<i32, u64>,
    /// How many of these losses were noticed since the start.
    noticed: u64,
}

/// What operators are told of the topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct TopicReport {
    pub(crate) name: String,
    partitions: Option<i32>,
    /// Where it is less safe than it could be.
    pub(crate) weaknesses: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    /// How often it was noticed since the start that acknowledged messages are gone.
    pub(crate) losses: u64,
}

impl TopicReport {
    /// Whether nothing can be sent to it at the moment.
    pub(crate) const fn is_in_trouble(&self) -> bool {
        self.trouble.is_some()
    }

    /// What of it somebody should see to.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let name = &self.name;
        let trouble = self.trouble.iter().map(|why| format!("topic {name} can't be used: {why}"));
        let weak = self.weaknesses.iter().map(|weakness| format!("topic {name}: {weakness}"));
        let lost = format!("topic {name} has lost what it acknowledged");
        trouble.chain(weak).chain((self.losses > 0).then_some(lost)).collect()
    }
}

impl Topic {
    pub(crate) fn new(name: &str, create: Option<i32>) -> Self {
        Self { name: name.into(), create, known: Mutex::default() }
    }

    /// Goes on from what is kept of its offsets and losses. A loss that was noticed and isn't kept
    /// yet stays noticed.
    pub(crate) fn remember(&self, rows: &[PartitionRow]) {
        let mut known = self.known();
        known.acknowledged.clear();
        for row in rows.iter().filter(|row| row.topic == self.name) {
            let Ok(partition) = i32::try_from(row.topic_partition) else { continue };
            known.acknowledged.insert(partition, row.topic_offset);
            let losses = known.losses.entry(partition).or_default();
            *losses = (*losses).max(u64::try_from(row.losses).unwrap_or_default());
        }
    }

    /// How many partitions it has; none before it was found.
    pub(crate) fn partitions(&self) -> Option<i32> {
        self.known().settings.as_ref().map(|settings| settings.partitions)
    }

    /// The largest message that it takes, where it says so.
    pub(crate) fn message_bytes_max(&self) -> Option<u32> {
        let known = self.known();
        let configs = known.settings.as_ref()?.configs.as_ref()?;
        configs.get("max.message.bytes")?.parse().ok()
    }

    /// A partition acknowledged a message at this offset; they come in order.
    pub(crate) fn acknowledged(&self, topic: &str, partition: i32, offset: i64) {
        if topic != self.name {
            return;
        }
        let mut known = self.known();
        let before = known.acknowledged.insert(partition, offset);
        if before.is_some_and(|before| offset <= before) {
            known.lost(&self.name, partition);
        }
    }

    /// The last offset that a partition acknowledged, as it is to be kept.
    pub(crate) fn kept(&self, partition: i64) -> Option<PartitionRow> {
        let key = i32::try_from(partition).ok()?;
        let known = self.known();
        let topic_offset = *known.acknowledged.get(&key)?;
        let losses = known.losses.get(&key).copied().unwrap_or_default();
        Some(PartitionRow {
            topic: self.name.clone(),
            topic_partition: partition,
            topic_offset,
            losses: i64::try_from(losses).unwrap_or(i64::MAX),
        })
    }

    /// How often each partition has lost messages.
    pub(crate) fn losses(&self) -> BTreeMap<i32, u64> {
        self.known().losses.clone()
    }

    pub(crate) fn report(&self) -> TopicReport {
        let known = self.known();
        TopicReport {
            name: self.name.clone(),
            partitions: known.settings.as_ref().map(|settings| settings.partitions),
            weaknesses: known.settings.as_ref().map(weaknesses).unwrap_or_default(),
            trouble: known.trouble.clone(),
            losses: known.noticed,
        }
    }

    /// Looks at it again and again; ends by itself where it has fewer partitions than are needed.
    pub(crate) async fn keep_looking(
        &self,
        mut needed: Option<i32>,
        admin: &TopicAdmin,
        stop: &CancellationToken,
    ) -> Result<(), PublishError> {
        let mut pause = LOOK_EVERY;
        while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            pause = match self.look(admin).await {
                Ok(()) => LOOK_EVERY,
                Err(_) => LOOK_AGAIN_AFTER,
            };
            if self.partitions() < needed {
                return Err(PublishError::FewerPartitions { topic: self.name.clone() });
            }
            // New lanes are in what was added since.
            needed = needed.max(needed.and(self.partitions()));
        }
        Ok(())
    }

    /// Looks whether it is there, how safe it is, and whether its ends are where they were. It is
    /// made where it isn't, and may be.
    pub(crate) async fn look(&self, admin: &TopicAdmin) -> Result<(), PublishError> {
        let looked = self.look_closely(admin).await;
        let trouble = looked.as_ref().err().map(|error| crate::with_causes(error));
        let mut known = self.known();
        match (&known.trouble, &trouble) {
            (None, Some(why)) => tracing::error!(why, topic = self.name, "the topic can't be used"),
            (Some(_), None) => tracing::info!(topic = self.name, "the topic can be used again"),
            _ => {}
        }
        known.trouble = trouble;
        looked
    }

    async fn look_closely(&self, admin: &TopicAdmin) -> Result<(), PublishError> {
        let settings = match (admin.settings(&self.name).await?, self.create) {
            (Some(settings), _) => settings,
            (None, Some(partitions)) => {
                admin.create(&WantedTopic { name: self.name.clone(), partitions }).await?;
                tracing::info!(topic = self.name, partitions, "the topic was made");
                self.made(admin).await?
            }
            (None, None) => return Err(PublishError::NoTopic { topic: self.name.clone() }),
        };
        let partitions = settings.partitions;
        self.note(settings);
        let acknowledged = self.known().acknowledged.clone();
        for (partition, offset) in acknowledged {
            let is_there = partition < partitions;
            let end = if is_there { admin.end(&self.name, partition).await? } else { 0 };
            let mut known = self.known();
            // What was acknowledged meanwhile is after what the end was asked for.
            if end <= offset && known.acknowledged.get(&partition) == Some(&offset) {
                known.acknowledged.insert(partition, end - 1);
                known.lost(&self.name, partition);
            }
        }
        Ok(())
    }

    /// A topic that was just made is known to all brokers a little later.
    async fn made(&self, admin: &TopicAdmin) -> Result<TopicSettings, PublishError> {
        let until = Instant::now() + LOOK_EVERY;
        loop {
            match admin.settings(&self.name).await {
                Ok(Some(settings)) => return Ok(settings),
                Err(error) if Instant::now() >= until => return Err(error.into()),
                Ok(None) if Instant::now() >= until => {
                    return Err(PublishError::NoTopic { topic: self.name.clone() });
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// What wasn't told this time is as it was told last.
    fn note(&self, mut settings: TopicSettings) {
        let mut known = self.known();
        if settings.configs.is_none() {
            settings.configs = known.settings.as_ref().and_then(|before| before.configs.clone());
        }
        if known.settings.as_ref() != Some(&settings) {
            for weakness in weaknesses(&settings) {
                tracing::warn!(
                    topic = self.name,
                    weakness,
                    "the topic is less safe than it could be"
                );
            }
            known.settings = Some(settings);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn lost(&mut self, topic: &str, partition: i32) {
        *self.losses.entry(partition).or_default() += 1;
        self.noticed += 1;
        tracing::error!(
            topic,
            partition,
            "the topic no longer holds what it acknowledged: it was made anew, or lost its end"
        );
    }
}

/// Where a topic could lose what it acknowledged.
fn weaknesses(settings: &TopicSettings) -> Vec<String> {
    let TopicSettings { replication, brokers, configs, .. } = settings;
    let mut found = vec![];
    if *replication < 3 {
        let copies = if *replication == 1 { "copy" } else { "copies" };
        let are = if *brokers == 1 { "is 1 broker" } else { &format!("are {brokers} brokers") };
        found.push(format!("{replication} {copies} of each message instead of 3; there {are}"));
    }
    let Some(configs) = configs else {
        found.push("its settings can't be read: nobody looks whether they are safe".into());
        return found;
    };
    let number = |name: &str| configs.get(name).and_then(|value| value.parse::<i64>().ok());
    if *replication > 1 && number("min.insync.replicas").is_some_and(|copies| copies < 2) {
        let what = "a message counts once 1 broker has it";
        found.push(format!("{what}; set min.insync.replicas to 2"));
    }
    if configs.get("unclean.leader.election.enable").is_some_and(|value| value == "true") {
        found.push("unclean.leader.election.enable is true: a copy that lags may lead".into());
    }
    if configs.get("cleanup.policy").is_some_and(|policy| policy.contains("compact")) {
        found.push("cleanup.policy is compact: of an account's messages the last one stays".into());
    }
    if number("retention.ms").is_some_and(|kept| (0..RETENTION_MIN_MS).contains(&kept)) {
        found.push("retention.ms is less than a day".into());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(replication: usize, configs: &[(&str, &str)]) -> TopicSettings {
        let configs = configs.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        TopicSettings { partitions: 16, replication, brokers: 3, configs: Some(configs.collect()) }
    }

    #[test]
    fn settings_that_are_not_told_are_named_and_stay_as_they_were() {
        let untold = TopicSettings { configs: None, ..settings(3, &[]) };
        assert!(weaknesses(&untold).concat().contains("can't be read"));
        let topic = Topic::new("requests", None);
        topic.note(settings(3, &[("max.message.bytes", "2000")]));
        topic.note(untold);
        assert_eq!(topic.message_bytes_max(), Some(2_000));
    }

    #[test]
    fn a_topic_with_three_copies_of_which_two_count_has_no_weakness() {
        let safe = [("min.insync.replicas", "2"), ("cleanup.policy", "delete")];
        assert_eq!(weaknesses(&settings(3, &safe)), Vec::<String>::new());
    }

    #[test]
    fn each_weaker_setting_is_named() {
        let weak = [
            ("min.insync.replicas", "1"),
            ("unclean.leader.election.enable", "true"),
            ("cleanup.policy", "compact,delete"),
            ("retention.ms", "60000"),
        ];
        let named = weaknesses(&settings(2, &weak)).join("\n");
        for word in ["2 copies", "min.insync", "unclean", "compact", "retention"] {
            assert!(named.contains(word), "{word} is missing in {named}");
        }
    }

    #[test]
    fn an_offset_that_was_given_out_already_is_a_loss() {
        let topic = Topic::new("requests", None);
        for offset in [0, 1, 5] {
            topic.acknowledged("requests", 2, offset);
        }
        topic.acknowledged("another", 2, 0);
        assert_eq!(topic.losses(), BTreeMap::new());
        topic.acknowledged("requests", 2, 0);
        assert_eq!(topic.losses(), BTreeMap::from([(2, 1)]));
        topic.acknowledged("requests", 2, 1);
        assert_eq!(topic.losses(), BTreeMap::from([(2, 1)]), "it goes on from there");
    }
}

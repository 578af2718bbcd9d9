//! A partition of a Kafka topic, and how often it has lost messages.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The number of a topic's partition. It has nothing to do with the log's partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TopicPartition(pub(crate) i32);

/// How often each partition of a topic has lost messages that it had acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Losses(BTreeMap<TopicPartition, u64>);

impl TopicPartition {
    /// All partitions of a topic that has `count` of them.
    pub(crate) fn all(count: i32) -> impl Iterator<Item = Self> {
        (0..count).map(Self)
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Losses {
    /// How often the partition has lost messages.
    pub(crate) fn of(&self, partition: TopicPartition) -> u64 {
        self.0.get(&partition).copied().unwrap_or_default()
    }

    /// Counts one more loss.
    pub(crate) fn add(&mut self, partition: TopicPartition) {
        *self.0.entry(partition).or_default() += 1;
    }

    /// Sets the partition's count to `count` if that is higher.
    pub(crate) fn raise(&mut self, partition: TopicPartition, count: u64) {
        let known = self.0.entry(partition).or_default();
        *known = count.max(*known);
    }

    /// The partitions whose count differs from the count in `earlier`.
    pub(crate) fn changed_since(&self, earlier: &Self) -> BTreeSet<TopicPartition> {
        let changed =
            |(partition, count): &(&TopicPartition, &u64)| earlier.0.get(partition) != Some(count);
        self.0.iter().filter(changed).map(|(partition, _)| *partition).collect()
    }
}

impl FromIterator<(TopicPartition, u64)> for Losses {
    fn from_iter<I: IntoIterator<Item = (TopicPartition, u64)>>(counts: I) -> Self {
        Self(counts.into_iter().collect())
    }
}

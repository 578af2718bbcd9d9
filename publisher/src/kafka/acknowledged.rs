//! Which offsets a topic acknowledged, and whether the topic still holds them.
//!
//! Kafka reports neither that a topic was deleted and created again, nor that a broker failed and
//! took a partition's end with it. The offsets show it: an offset comes a second time, or the
//! partition ends before the last one.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::topic_partition::{Losses, TopicPartition};

/// The acknowledged offsets of one topic.
pub(crate) struct AcknowledgedOffsets {
    topic: String,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The last offset that each partition acknowledged.
    last: BTreeMap<TopicPartition, i64>,
    /// All losses, also those of earlier runs.
    losses: Losses,
    /// The losses since the start of this process.
    since_start: u64,
    /// The messages that were acknowledged since then.
    messages: u64,
}

/// How far one partition is acknowledged, and how often it has lost messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartitionOffset {
    pub(crate) topic: String,
    pub(crate) partition: TopicPartition,
    pub(crate) offset: i64,
    pub(crate) losses: u64,
}

impl AcknowledgedOffsets {
    pub(crate) fn of(topic: &str) -> Self {
        Self { topic: topic.into(), known: Mutex::default() }
    }

    /// Takes over the stored offsets and losses. A loss that was noticed and isn't stored yet
    /// stays noticed.
    pub(crate) fn restore(&self, stored: &[PartitionOffset]) {
        let mut known = self.known.lock();
        known.last.clear();
        for row in stored.iter().filter(|row| row.topic == self.topic) {
            known.last.insert(row.partition, row.offset);
            known.losses.raise(row.partition, row.losses);
        }
    }

    /// Notes that a partition acknowledged a message. A partition's offsets come in order.
    pub(crate) fn note(&self, topic: &str, partition: TopicPartition, offset: i64) {
        if topic != self.topic {
            return;
        }
        let mut known = self.known.lock();
        known.messages += 1;
        let before = known.last.insert(partition, offset);
        if before.is_some_and(|before| offset <= before) {
            known.lose(&self.topic, partition);
        }
    }

    /// Compares a partition's end with `offset`, the last one acknowledged when the end was asked
    /// for.
    pub(super) fn check_end(&self, partition: TopicPartition, offset: i64, end: i64) {
        let mut known = self.known.lock();
        // A message that was acknowledged since then comes after that end.
        if end <= offset && known.last.get(&partition) == Some(&offset) {
            known.last.insert(partition, end - 1);
            known.lose(&self.topic, partition);
        }
    }

    /// How many messages were acknowledged since the start of this process.
    pub(crate) fn messages(&self) -> u64 {
        self.known.lock().messages
    }

    /// The last offset of each partition.
    pub(super) fn last(&self) -> BTreeMap<TopicPartition, i64> {
        self.known.lock().last.clone()
    }

    /// What the state stores of a partition; `None` before its first acknowledgement.
    pub(crate) fn stored(&self, partition: TopicPartition) -> Option<PartitionOffset> {
        let known = self.known.lock();
        let (offset, losses) = (*known.last.get(&partition)?, known.losses.of(partition));
        Some(PartitionOffset { topic: self.topic.clone(), partition, offset, losses })
    }

    pub(crate) fn losses(&self) -> Losses {
        self.known.lock().losses.clone()
    }

    pub(super) fn losses_since_start(&self) -> u64 {
        self.known.lock().since_start
    }
}

impl Known {
    fn lose(&mut self, topic: &str, partition: TopicPartition) {
        self.losses.add(partition);
        self.since_start += 1;
        tracing::error!(
            topic,
            partition = partition.0,
            "the topic lost messages that it had acknowledged: it was created again, or its end is \
             gone"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_that_comes_a_second_time_is_a_loss() {
        let offsets = AcknowledgedOffsets::of("requests");
        let partition = TopicPartition(2);
        for offset in [0, 1, 5] {
            offsets.note("requests", partition, offset);
        }
        offsets.note("another", partition, 0);
        assert_eq!(offsets.losses(), Losses::default());
        offsets.note("requests", partition, 0);
        assert_eq!(offsets.losses(), Losses::from_iter([(partition, 1)]));
        offsets.note("requests", partition, 1);
        assert_eq!(offsets.losses(), Losses::from_iter([(partition, 1)]), "offsets go on from 0");
    }
}

//! What of an inbound topic was lost before it was read, and what is read again. Counted since the
//! start of the process.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use serde::Serialize;

use super::starting_point::{Lost, StartingPoint};
use super::topic_partition::TopicPartition;

/// The counts of one topic.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    losses: u64,
    lost_messages: u64,
    read_again: u64,
    /// How many offsets of each partition are left to be read again.
    left: BTreeMap<TopicPartition, u64>,
    /// Why Kafka lets nothing be read.
    refused: Option<&'static str>,
}

/// The counts as operators see them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ReadingReport {
    /// How often messages were lost before they were read.
    #[serde(skip)]
    pub(crate) losses: u64,
    /// How many, as far as that is known.
    pub(crate) lost_messages: u64,
    /// How many messages were read again.
    pub(crate) read_again: u64,
    /// How many are left to be read again, at most.
    pub(crate) read_again_left: u64,
}

impl Reading {
    /// Reading of a partition begins.
    pub(super) fn begin(&self, topic: &str, partition: TopicPartition, at: StartingPoint) {
        let StartingPoint { from, again_to, lost } = at;
        let number = partition.0;
        let mut counts = self.counts.lock();
        counts.refused = None;
        counts.losses += u64::from(lost.is_some());
        match lost {
            Some(Lost::Deleted { messages }) => {
                counts.lost_messages += messages;
                tracing::error!(
                    topic,
                    partition = number,
                    messages,
                    "messages were deleted before they were read: the topic's retention is too \
                     short, or nobody read for too long"
                );
            }
            Some(Lost::MadeAnew) => tracing::error!(
                topic,
                partition = number,
                "the topic was created again, or its end is gone; what was unread in it is lost, \
                 and it is read from its first message"
            ),
            None => {}
        }
        let again = u64::try_from(again_to - from).unwrap_or_default();
        if again == 0 {
            counts.left.remove(&partition);
        } else {
            counts.left.insert(partition, again);
            tracing::warn!(
                topic,
                partition = number,
                from,
                messages = again,
                "messages are read again, because the log was forked, or because the publisher's \
                 state or the consumer group's offset is lost"
            );
        }
    }

    /// A message is read again; `left` are still to be.
    pub(super) fn read_again(&self, topic: &str, partition: TopicPartition, left: u64) {
        let mut counts = self.counts.lock();
        counts.read_again += 1;
        counts.left.insert(partition, left);
        drop(counts);
        if left == 0 {
            self.end_again(topic, partition);
        }
    }

    /// Kafka lets nothing be read.
    pub(super) fn refuse(&self, why: &'static str) {
        self.counts.lock().refused = Some(why);
    }

    /// Kafka let something be read.
    pub(super) fn allow(&self) {
        self.counts.lock().refused = None;
    }

    pub(crate) fn refused(&self) -> Option<&'static str> {
        self.counts.lock().refused
    }

    /// All that was read before is read again. Not every offset has a message.
    pub(super) fn end_again(&self, topic: &str, partition: TopicPartition) {
        let mut counts = self.counts.lock();
        if counts.left.remove(&partition).is_some() && counts.left.is_empty() {
            let messages = counts.read_again;
            tracing::warn!(topic, messages, "all messages that were to be read again have been");
        }
    }

    pub(crate) fn report(&self) -> ReadingReport {
        let counts = self.counts.lock();
        ReadingReport {
            losses: counts.losses,
            lost_messages: counts.lost_messages,
            read_again: counts.read_again,
            read_again_left: counts.left.values().sum(),
        }
    }
}

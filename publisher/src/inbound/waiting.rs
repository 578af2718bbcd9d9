//! Inbound messages that wait for the command API, and why.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::kafka::consumer::Offset;

/// The messages that wait, by their offsets.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    reasons: Mutex<BTreeMap<Offset, String>>,
}

impl Waiting {
    /// Notes why a message waits.
    pub(crate) fn note(&self, at: &Offset, why: String) {
        self.reasons.lock().insert(at.clone(), why);
    }

    /// A message waits no longer.
    pub(crate) fn end(&self, at: &Offset) {
        self.reasons.lock().remove(at);
    }

    /// Nothing is taken in any more, or not yet.
    pub(crate) fn clear(&self) {
        self.reasons.lock().clear();
    }

    /// `{topic}: {why}` for the first waiting message of each topic.
    pub(crate) fn by_topic(&self) -> Vec<String> {
        let reasons = self.reasons.lock();
        let mut firsts = BTreeMap::new();
        for (at, why) in reasons.iter() {
            firsts.entry(&at.topic).or_insert(why);
        }
        firsts.into_iter().map(|(topic, why)| format!("{topic}: {why}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::topic_partition::TopicPartition;

    #[test]
    fn a_topic_is_listed_until_none_of_its_messages_waits() {
        let waiting = Waiting::default();
        let at = |topic: &str, offset| {
            let partition = TopicPartition(0);
            Offset { topic: topic.into(), partition, offset }
        };
        waiting.note(&at("earnings", 1), "The key is not known.".into());
        waiting.note(&at("earnings", 2), "The key is not known.".into());
        waiting.end(&at("earnings", 1));
        waiting.end(&at("events", 1));
        assert_eq!(waiting.by_topic(), ["earnings: The key is not known."]);
        waiting.note(&at("events", 2), "The log is away.".into());
        let both = ["earnings: The key is not known.", "events: The log is away."];
        assert_eq!(waiting.by_topic(), both);
        waiting.end(&at("earnings", 2));
        assert_eq!(waiting.by_topic(), ["events: The log is away."]);
        waiting.clear();
        assert!(waiting.by_topic().is_empty());
    }
}

//! The publisher's part of `GET /health/ready`.

use serde::Serialize;

use super::report::activity;
use crate::activity::{Activity, KnownActivity};
use crate::kafka::reading::ReadingReport;
use crate::kafka::topic::{Topic, TopicReport};
use crate::publisher::Publisher;

/// The publisher's status in short.
#[derive(Clone, Debug, Serialize)]
pub struct Health {
    status: Activity,
    /// What an operator should fix.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// The inbound topics of which messages were read again, since the start.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    read_again: Vec<ReadAgain>,
}

/// How much of an inbound topic was read again: after a fork, or because its consumer group had
/// lost its offset.
#[derive(Clone, Debug, Serialize)]
struct ReadAgain {
    topic: String,
    messages: u64,
    /// How many are left, at most.
    left: u64,
}

impl Health {
    /// Whether it holds the lease and can't publish.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.status == Activity::Waiting
    }

    /// Whether there is something that an operator should fix.
    #[must_use]
    pub fn has_warnings(&self) -> bool {
        !self.warnings.is_empty()
    }
}

impl ReadAgain {
    fn of(topic: &TopicReport) -> Option<Self> {
        let ReadingReport { read_again: messages, read_again_left: left, .. } = topic.reading?;
        (messages + left > 0).then(|| Self { topic: topic.name.clone(), messages, left })
    }
}

impl Publisher {
    /// The publisher's status in short. It does not affect whether the ledger is ready: shoppers
    /// are served also while nothing is published.
    #[must_use]
    pub fn health(&self) -> Health {
        let KnownActivity { activity: current, why } = self.activity.get();
        let topic = self.topic.report();
        let mut warnings: Vec<String> = why.into_iter().collect();
        warnings.extend(topic.warnings());
        let inbound: Vec<TopicReport> = self.inbound_topics.iter().map(Topic::report).collect();
        warnings.extend(inbound.iter().flat_map(TopicReport::warnings));
        let read_again = inbound.iter().filter_map(ReadAgain::of).collect();
        let waiting = self.waiting.by_topic().into_iter();
        warnings.extend(waiting.map(|why| format!("messages wait for the command API: {why}")));
        for (feed, progress) in self.progress.all() {
            let blocked = progress.lanes.iter().filter_map(|lane| {
                Some(format!("lane {} is blocked: {}", lane.lane, lane.blocked_why.as_ref()?))
            });
            warnings.extend(blocked);
            let stopped = progress.stopped.iter();
            warnings.extend(stopped.map(|why| format!("warehouse {feed} is stopped: {why}")));
        }
        Health { status: activity(current, &topic), warnings, read_again }
    }
}

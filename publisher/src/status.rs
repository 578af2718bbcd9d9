//! What operators are told: in `GET /v1/publisher`, and in short in `GET /health/ready`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Serialize, Serializer};

use crate::ends::{Ends, FeedName};
use crate::kafka::Offset;
use crate::lane::Lane;
use crate::message::Message;
use crate::topic::TopicReport;

/// What is known of the publisher at the moment.
#[derive(Debug, Default)]
pub(crate) struct Status {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    phase: Phase,
    /// Why it doesn't go on, where it doesn't.
    why: Option<String>,
    /// What came in and waits for the command API, and why.
    inbound_waits: BTreeMap<Offset, String>,
    feeds: BTreeMap<FeedName, FeedStatus>,
}

/// What the publisher does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It waits for what it needs.
    #[default]
    Starting,
    /// Another publisher has the lease.
    StandingBy,
    /// It sends what there is.
    Publishing,
    /// It would, but the brokers can't be reached, or the topic can't be used.
    Waiting,
}

impl Phase {
    pub(crate) const ALL: [Self; 4] =
        [Self::Starting, Self::StandingBy, Self::Publishing, Self::Waiting];

    /// As the API writes it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::StandingBy => "standing-by",
            Self::Publishing => "publishing",
            Self::Waiting => "waiting",
        }
    }

    /// The same as the topic has it.
    const fn with(self, topic: &TopicReport) -> Self {
        match self {
            Self::Publishing if topic.is_in_trouble() => Self::Waiting,
            phase => phase,
        }
    }
}

impl Serialize for Phase {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[derive(Clone, Debug, Default)]
struct FeedStatus {
    stopped_why: Option<String>,
    acknowledged_to: i64,
    lanes: Vec<LaneStatus>,
}

#[derive(Clone, Debug)]
struct LaneStatus {
    lane: String,
    topic: String,
    topic_partition: i64,
    sequence: i64,
    blocked_why: Option<String>,
}

/// The publisher in short.
#[derive(Clone, Debug, Serialize)]
pub struct Health {
    status: Phase,
    /// What somebody should see to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// The publisher in words.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) status: Phase,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    pub(crate) topic: TopicReport,
    /// The topics of what comes in.
    pub(crate) inbound_topics: Vec<TopicReport>,
    /// How many requests are sent again until they are accepted, and how many of them are overdue.
    pub(crate) sent_again: i64,
    pub(crate) overdue: i64,
    /// How many messages came in that can't be used.
    pub(crate) parked: i64,
    /// By which topic something came in that waits for the command API, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inbound_waits: Option<String>,
    pub(crate) warehouses: Vec<WarehouseReport>,
}

/// A warehouse's messages of one partition.
#[derive(Debug, Serialize)]
pub(crate) struct WarehouseReport {
    pub(crate) warehouse: String,
    /// `publishing`, `blocked` (some of its lanes are) or `stopped`.
    pub(crate) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// Everything up to here is acknowledged, but for blocked lanes.
    pub(crate) position: String,
    /// How many messages are not acknowledged yet.
    pub(crate) lag: i64,
    pub(crate) lanes: Vec<LaneReport>,
}

#[derive(Debug, Serialize)]
pub(crate) struct LaneReport {
    pub(crate) lane: String,
    pub(crate) topic_partition: i64,
    /// The last message that is acknowledged with all before it, and the last that there is.
    pub(crate) sequence: i64,
    pub(crate) last_sequence: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blocked: Option<String>,
}

impl Known {
    /// Of each topic where something waits, why the first does.
    fn inbound_waits(&self) -> Vec<String> {
        let mut firsts = BTreeMap::new();
        for (at, why) in &self.inbound_waits {
            firsts.entry(&at.topic).or_insert(why);
        }
        firsts.into_iter().map(|(topic, why)| format!("{topic}: {why}")).collect()
    }
}

impl Status {
    pub(crate) fn enter(&self, phase: Phase, why: Option<String>) {
        let mut known = self.known();
        if known.why != why
            && let Some(why) = &why
        {
            tracing::warn!(why, "nothing is published at the moment");
        }
        // Nothing is taken in any more, or not yet.
        known.inbound_waits.clear();
        if phase == Phase::StandingBy {
            known.feeds.clear();
        }
        known.phase = phase;
        known.why = why;
    }

    /// Notes how far a feed is.
    pub(crate) fn tell_of_feed(&self, feed: &FeedName, acknowledged_to: i64, lanes: &[Lane]) {
        let lanes = lanes.iter().map(|lane| {
            let row = lane.row();
            LaneStatus {
                lane: row.lane.clone(),
                topic: row.topic.clone(),
                topic_partition: row.topic_partition,
                sequence: row.sequence,
                blocked_why: row.blocked_why.clone(),
            }
        });
        let status = FeedStatus { stopped_why: None, acknowledged_to, lanes: lanes.collect() };
        self.known().feeds.insert(feed.clone(), status);
    }

    /// Notes why nothing is sent to a feed.
    pub(crate) fn tell_of_stop(&self, feed: &FeedName, why: &str) {
        let mut known = self.known();
        let told = &mut known.feeds.entry(feed.clone()).or_default().stopped_why;
        if told.as_deref() != Some(why) {
            tracing::error!(feed = feed.to_string(), why, "nothing is sent to a warehouse");
            *told = Some(why.into());
        }
    }

    /// Notes why a message waits for the command API, or that it doesn't.
    pub(crate) fn tell_of_inbound(&self, at: &Offset, waits: Option<&str>) {
        let told = &mut self.known().inbound_waits;
        match waits {
            Some(why) => drop(told.insert(at.clone(), why.into())),
            None => drop(told.remove(at)),
        }
    }

    /// Whether nothing is sent to a feed.
    pub(crate) fn is_stopped(&self, feed: &FeedName) -> bool {
        self.known().feeds.get(feed).is_some_and(|feed| feed.stopped_why.is_some())
    }

    /// Up to where a feed is acknowledged, where that is known; one that is stopped may go on from
    /// before that.
    pub(crate) fn acknowledged_to(&self, feed: &FeedName) -> Option<i64> {
        let known = self.known();
        let running = known.feeds.get(feed).filter(|feed| feed.stopped_why.is_none());
        running.map(|feed| feed.acknowledged_to)
    }

    /// Where a message's lane goes, where the lane is past it.
    pub(crate) fn partition_of(&self, message: &Message) -> Option<(String, i32)> {
        let feed: FeedName = message.lane.parse().ok()?;
        let known = self.known();
        let lane = known.feeds.get(&feed)?.lanes.iter().find(|lane| lane.lane == message.lane)?;
        if lane.sequence < message.sent.sequence {
            return None;
        }
        Some((lane.topic.clone(), i32::try_from(lane.topic_partition).ok()?))
    }

    /// What is wrong, in short.
    pub(crate) fn health(&self, topic: &TopicReport, inbound: &[TopicReport]) -> Health {
        let known = self.known();
        let mut warnings: Vec<String> = known.why.iter().cloned().collect();
        warnings.extend(topic.warnings());
        warnings.extend(inbound.iter().flat_map(TopicReport::warnings));
        let waits = known.inbound_waits().into_iter();
        warnings.extend(waits.map(|why| format!("what comes in waits for the command API: {why}")));
        for (feed, status) in &known.feeds {
            let blocked = status.lanes.iter().filter_map(|lane| {
                Some(format!("lane {} is blocked: {}", lane.lane, lane.blocked_why.as_ref()?))
            });
            warnings.extend(blocked);
            let stopped = status.stopped_why.iter();
            warnings.extend(stopped.map(|why| format!("warehouse {feed} is stopped: {why}")));
        }
        Health { status: known.phase.with(topic), warnings }
    }

    pub(crate) fn report(
        &self,
        topic: TopicReport,
        inbound_topics: Vec<TopicReport>,
        ends: &Ends,
        (sent_again, overdue, parked): (i64, i64, i64),
    ) -> Report {
        let known = self.known();
        let warehouses = known.feeds.iter().map(|(feed, status)| warehouse(feed, status, ends));
        let warehouses = warehouses.collect();
        Report {
            status: known.phase.with(&topic),
            why: known.why.clone(),
            topic,
            inbound_topics,
            sent_again,
            overdue,
            parked,
            inbound_waits: Some(known.inbound_waits().join("; ")).filter(|why| !why.is_empty()),
            warehouses,
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn warehouse(feed: &FeedName, status: &FeedStatus, ends: &Ends) -> WarehouseReport {
    let lanes: Vec<LaneReport> = status
        .lanes
        .iter()
        .map(|lane| LaneReport {
            lane: lane.lane.clone(),
            topic_partition: lane.topic_partition,
            sequence: lane.sequence,
            last_sequence: ends.sequence(&lane.lane),
            blocked: lane.blocked_why.clone(),
        })
        .collect();
    let blocked = lanes.iter().find_map(|lane| lane.blocked.clone());
    let word = match (&status.stopped_why, &blocked) {
        (Some(_), _) => "stopped",
        (None, Some(_)) => "blocked",
        (None, None) => "publishing",
    };
    let lag = lanes.iter().map(|lane| (lane.last_sequence - lane.sequence).max(0)).sum();
    WarehouseReport {
        warehouse: feed.warehouse.clone(),
        status: word,
        why: status.stopped_why.clone().or(blocked),
        position: crate::stream::place(
            status.acknowledged_to.max(crate::stream::key(feed.start())),
        )
        .to_string(),
        lag,
        lanes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_a_warehouse_is_that_is_stopped_is_not_known() {
        let status = Status::default();
        let feed: FeedName = "0/main".parse().expect("a name");
        status.tell_of_feed(&feed, 900, &[]);
        assert_eq!(status.acknowledged_to(&feed), Some(900));
        status.tell_of_stop(&feed, "log-forked");
        assert_eq!(status.acknowledged_to(&feed), None);
    }

    #[test]
    fn what_waits_is_told_of_until_nothing_waits_or_another_publishes() {
        let status = Status::default();
        let at = |topic: &str, offset| Offset { topic: topic.into(), partition: 0, offset };
        let waits = || status.known().inbound_waits();
        status.tell_of_inbound(&at("earnings", 1), Some("The key is not known."));
        status.tell_of_inbound(&at("earnings", 2), Some("The key is not known."));
        status.tell_of_inbound(&at("earnings", 1), None);
        status.tell_of_inbound(&at("events", 1), None);
        assert_eq!(waits(), ["earnings: The key is not known."]);
        status.tell_of_inbound(&at("events", 2), Some("The log is away."));
        assert_eq!(waits(), ["earnings: The key is not known.", "events: The log is away."]);
        status.tell_of_inbound(&at("earnings", 2), None);
        assert_eq!(waits(), ["events: The log is away."]);
        status.enter(Phase::StandingBy, None);
        assert!(waits().is_empty());
    }
}

//! How far each feed is and why it stopped. Feeds write it; resends and operators read it.

use std::collections::BTreeMap;
use std::fmt;

use log_record::PackedPlace;
use parking_lot::Mutex;

use super::lane::Lane;
use super::message::Message;
use crate::kafka::topic_partition::TopicPartition;
use crate::lane_name::{FeedName, LaneName};

/// The progress of all feeds.
#[derive(Debug, Default)]
pub(crate) struct FeedsProgress {
    feeds: Mutex<BTreeMap<FeedName, FeedProgress>>,
}

/// The progress of one feed.
#[derive(Clone, Debug)]
pub(crate) struct FeedProgress {
    /// Why nothing is sent.
    pub(crate) stopped: Option<StopReason>,
    /// Every message up to here is acknowledged, except those of blocked lanes.
    pub(crate) acknowledged_to: PackedPlace,
    pub(crate) lanes: Vec<LaneProgress>,
}

/// The progress of one lane.
#[derive(Clone, Debug)]
pub(crate) struct LaneProgress {
    pub(crate) lane: LaneName,
    pub(crate) target: LaneTarget,
    /// The last acknowledged sequence.
    pub(crate) sequence: i64,
    /// Why its next message can't be sent.
    pub(crate) blocked_why: Option<String>,
}

/// The topic and partition that a lane is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LaneTarget {
    pub(crate) topic: String,
    pub(crate) partition: TopicPartition,
}

/// Why nothing is sent to a warehouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// The messages that were sent differ from the read model. An operator has to decide.
    Forked(String),
    /// The read model has not reached the messages that were sent. It may do so later.
    Unverified(String),
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forked(why) | Self::Unverified(why) => f.write_str(why),
        }
    }
}

impl FeedsProgress {
    /// Notes how far a running feed is.
    pub(crate) fn note(&self, feed: &FeedName, acknowledged_to: PackedPlace, lanes: &[Lane]) {
        let lanes = lanes.iter().map(|lane| {
            let lane = lane.checkpoint();
            LaneProgress {
                lane: lane.lane.clone(),
                target: LaneTarget { topic: lane.topic.clone(), partition: lane.topic_partition },
                sequence: lane.sequence,
                blocked_why: lane.blocked_why.clone(),
            }
        });
        let progress = FeedProgress { stopped: None, acknowledged_to, lanes: lanes.collect() };
        self.feeds.lock().insert(feed.clone(), progress);
    }

    /// Notes why nothing is sent to a feed, and logs it once.
    pub(crate) fn note_stop(&self, feed: &FeedName, why: StopReason) {
        let mut feeds = self.feeds.lock();
        let unknown =
            || FeedProgress { stopped: None, acknowledged_to: feed.start(), lanes: vec![] };
        let stopped = &mut feeds.entry(feed.clone()).or_insert_with(unknown).stopped;
        if stopped.as_ref() != Some(&why) {
            tracing::error!(%feed, %why, "sending to a warehouse has stopped");
            *stopped = Some(why);
        }
    }

    /// Forgets all feeds: another publisher sends.
    pub(crate) fn clear(&self) {
        self.feeds.lock().clear();
    }

    pub(crate) fn all(&self) -> BTreeMap<FeedName, FeedProgress> {
        self.feeds.lock().clone()
    }

    pub(crate) fn is_stopped(&self, feed: &FeedName) -> bool {
        self.feeds.lock().get(feed).is_some_and(|feed| feed.stopped.is_some())
    }

    /// Up to which place a running feed is acknowledged. `None` for a stopped feed: an operator may
    /// continue it from an earlier place.
    pub(crate) fn acknowledged_to(&self, feed: &FeedName) -> Option<PackedPlace> {
        let feeds = self.feeds.lock();
        let running = feeds.get(feed).filter(|feed| feed.stopped.is_none());
        running.map(|feed| feed.acknowledged_to)
    }

    /// The target of a message's lane, if the lane is acknowledged up to that message.
    pub(crate) fn target_of(&self, message: &Message) -> Option<LaneTarget> {
        let feeds = self.feeds.lock();
        let lanes = &feeds.get(&message.lane.feed)?.lanes;
        let lane = lanes.iter().find(|lane| lane.lane == message.lane)?;
        (lane.sequence >= message.entry.sequence).then(|| lane.target.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_of_a_stopped_warehouse_is_not_known() {
        let progress = FeedsProgress::default();
        let feed: FeedName = "0/main".parse().expect("a name");
        progress.note(&feed, PackedPlace::from_i64(900), &[]);
        assert_eq!(progress.acknowledged_to(&feed), Some(PackedPlace::from_i64(900)));
        progress.note_stop(&feed, StopReason::Forked("log-forked".into()));
        assert_eq!(progress.acknowledged_to(&feed), None);
    }
}

//! One period of holding the lease, and what its parts share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::SwitchName;
use tokio::sync::{Mutex, Notify, watch};
use trace::Tracer;
use wire::Switches;

use super::ends::Ends;
use super::producers::Producers;
use super::progress::FeedsProgress;
use super::resend_policy::ResendPolicy;
use super::stream::Stream;
use crate::error::PublishError;
use crate::kafka::topic::Topic;
use crate::kafka::topic_partition::TopicPartition;
use crate::lane_name::LaneName;
use crate::state::checkpoint::{Checkpoint, LaneCheckpoint};
use crate::state::store::{Lease, State};

pub(crate) struct Session {
    pub(crate) state: Arc<State>,
    pub(crate) lease: Lease,
    pub(crate) stream: Stream,
    pub(crate) ends: watch::Receiver<Ends>,
    pub(crate) topic: Arc<Topic>,
    pub(crate) producers: Producers,
    pub(crate) progress: Arc<FeedsProgress>,
    pub(crate) tracer: Tracer,
    /// What operators have turned on.
    pub(crate) switches: Switches,
    pub(crate) resend_policy: ResendPolicy,
    /// Wakes the resends: an operator wants a request sent again.
    pub(crate) resend_asked: Arc<Notify>,
    /// The time that one message takes, for each warehouse with a rate.
    pub(crate) rates: BTreeMap<String, Duration>,
    /// The number of lanes in each partition of the topic.
    pub(crate) lane_counts: Mutex<BTreeMap<TopicPartition, usize>>,
}

impl Session {
    /// Whether warehouses are told nothing. What is on its way goes on.
    pub(crate) fn is_paused(&self) -> bool {
        self.switches.is_on(SwitchName::PausePublishing)
    }

    /// The time that one message to a warehouse takes; `None` without a rate.
    pub(crate) fn rate(&self, warehouse: &str) -> Option<Duration> {
        self.rates.get(warehouse).copied()
    }

    /// Gives a new lane the partition with the fewest lanes, and stores that before anything is
    /// sent.
    pub(crate) async fn start_lane(&self, lane: &LaneName) -> Result<LaneCheckpoint, PublishError> {
        self.put_into_partition(Checkpoint::default(), LaneCheckpoint::new(lane.clone())).await
    }

    /// Counts a lane that keeps its partition.
    pub(crate) async fn count_lane(&self, partition: TopicPartition) {
        *self.lane_counts.lock().await.entry(partition).or_default() += 1;
    }

    /// Gives a lane the partition with the fewest lanes, and stores that with other changes.
    pub(crate) async fn put_into_partition(
        &self,
        mut changes: Checkpoint,
        mut lane: LaneCheckpoint,
    ) -> Result<LaneCheckpoint, PublishError> {
        let partitions = self.topic.partitions().ok_or_else(|| self.topic.missing())?;
        let mut counts = self.lane_counts.lock().await;
        let count = |partition: &TopicPartition| counts.get(partition).copied().unwrap_or_default();
        let fewest = TopicPartition::all(partitions).min_by_key(count);
        lane.topic_partition = fewest.ok_or_else(|| self.topic.missing())?;
        lane.topic.clone_from(&self.topic.name);
        changes.lanes.push(lane.clone());
        self.state.save(self.lease, &changes).await?;
        *counts.entry(lane.topic_partition).or_default() += 1;
        Ok(lane)
    }
}

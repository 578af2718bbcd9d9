//! One time of holding the lease: all that its parts share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::PublishError;
use crate::ends::{Ends, FeedName};
use crate::producers::Producers;
use crate::resend::Patience;
use crate::state::{Checkpoint, LaneRow, Lease, State};
use crate::status::Status;
use crate::stream::Stream;
use crate::topic::Topic;

pub(crate) struct Session {
    pub(crate) state: Arc<State>,
    pub(crate) lease: Lease,
    pub(crate) stream: Stream,
    pub(crate) ends: watch::Receiver<Ends>,
    pub(crate) topic: Arc<Topic>,
    pub(crate) producers: Producers,
    pub(crate) status: Arc<Status>,
    pub(crate) patience: Patience,
    /// An operator wants something to be sent again.
    pub(crate) resend_asked: Arc<Notify>,
    pub(crate) rates: Arc<BTreeMap<String, Duration>>,
    /// How many lanes each partition of the topic has.
    pub(crate) lanes: tokio::sync::Mutex<BTreeMap<i64, usize>>,
}

impl Session {
    /// How long one message takes of a warehouse's time, where it has a rate.
    pub(crate) fn rate(&self, warehouse: &str) -> Option<Duration> {
        self.rates.get(warehouse).copied()
    }

    /// Gives a lane the partition that has the fewest, and keeps that before anything is sent.
    pub(crate) async fn choose_partition(
        &self,
        feed: &FeedName,
        lane: &str,
    ) -> Result<LaneRow, PublishError> {
        self.put_into_partition(LaneRow::new(lane, feed)).await
    }

    /// A lane stays where it is, unless it is of another topic or its partition is gone.
    pub(crate) async fn settle_partition(&self, row: LaneRow) -> Result<LaneRow, PublishError> {
        let is_there = i64::from(self.topic.partitions().unwrap_or_default()) > row.topic_partition;
        if row.topic == self.topic.name && is_there {
            *self.lanes.lock().await.entry(row.topic_partition).or_default() += 1;
            return Ok(row);
        }
        tracing::warn!(
            lane = row.lane,
            from = format!("{}/{}", row.topic, row.topic_partition),
            "a lane goes to another partition: readers see its order by its sequence alone"
        );
        self.put_into_partition(row).await
    }

    async fn put_into_partition(&self, mut row: LaneRow) -> Result<LaneRow, PublishError> {
        let partitions = self.topic.partitions();
        let no_topic = || PublishError::NoTopic { topic: self.topic.name.clone() };
        let partitions = i64::from(partitions.ok_or_else(no_topic)?);
        let mut lanes = self.lanes.lock().await;
        let count = |partition: &i64| lanes.get(partition).copied().unwrap_or_default();
        row.topic_partition = (0..partitions).min_by_key(count).ok_or_else(no_topic)?;
        row.topic.clone_from(&self.topic.name);
        let news = Checkpoint { lanes: vec![row.clone()], ..Checkpoint::default() };
        self.state.save(self.lease, &news).await?;
        *lanes.entry(row.topic_partition).or_default() += 1;
        Ok(row)
    }
}

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
        let row = LaneRow::new(lane, feed);
        self.put_into_partition(Checkpoint::default(), row).await
    }

    /// A lane stays where it is, unless it is of another topic or its partition is gone. What was
    /// lost with its partition is sent again, as far as nobody has accepted it: then the feed, too,
    /// goes back.
    pub(crate) async fn settle_partition(
        &self,
        (feed, acknowledged_to): (&FeedName, &mut i64),
        row: LaneRow,
    ) -> Result<LaneRow, PublishError> {
        let is_of_it = row.topic == self.topic.name;
        let is_there = i64::from(self.topic.partitions().unwrap_or_default()) > row.topic_partition;
        if is_of_it && is_there {
            *self.lanes.lock().await.entry(row.topic_partition).or_default() += 1;
            return Ok(row);
        }
        tracing::warn!(
            lane = row.lane,
            from = format!("{}/{}", row.topic, row.topic_partition),
            "a lane goes to another partition: readers see its order by its sequence alone"
        );
        if !is_of_it {
            return self.put_into_partition(Checkpoint::default(), row).await;
        }
        let accepted_to = self.state.accepted_to(&feed.to_string()).await?;
        let lost = std::slice::from_ref(&row);
        let back = self.stream.before_unaccepted(feed, lost, accepted_to).await?;
        let back = back.into_iter().next().unwrap_or(row);
        *acknowledged_to = back.place.min(*acknowledged_to);
        let acknowledged = Some((feed.to_string(), *acknowledged_to));
        self.put_into_partition(Checkpoint { acknowledged, ..Checkpoint::default() }, back).await
    }

    /// Keeps that, with what else is news.
    async fn put_into_partition(
        &self,
        mut news: Checkpoint,
        mut row: LaneRow,
    ) -> Result<LaneRow, PublishError> {
        let partitions = self.topic.partitions();
        let no_topic = || PublishError::NoTopic { topic: self.topic.name.clone() };
        let partitions = i64::from(partitions.ok_or_else(no_topic)?);
        let mut lanes = self.lanes.lock().await;
        let count = |partition: &i64| lanes.get(partition).copied().unwrap_or_default();
        row.topic_partition = (0..partitions).min_by_key(count).ok_or_else(no_topic)?;
        row.topic.clone_from(&self.topic.name);
        news.lanes.push(row.clone());
        self.state.save(self.lease, &news).await?;
        *lanes.entry(row.topic_partition).or_default() += 1;
        Ok(row)
    }
}

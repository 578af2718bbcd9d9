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

    /// A lane stays where it is, unless it is of another topic or its partition is gone. Where its
    /// partition has lost messages, it goes back to the first that nobody has accepted, and the
    /// feed with it.
    pub(crate) async fn settle_partition(
        &self,
        (feed, acknowledged_to): (&FeedName, &mut i64),
        mut row: LaneRow,
    ) -> Result<LaneRow, PublishError> {
        let partitions = i64::from(self.topic.partitions().unwrap_or_default());
        let (is_of_it, is_there) = (row.topic == self.topic.name, row.topic_partition < partitions);
        let mut news = Checkpoint::default();
        if is_of_it && (row.is_lost == 1 || !is_there) {
            row = self.before_lost(feed, row).await?;
            *acknowledged_to = row.place.min(*acknowledged_to);
            news.acknowledged = Some((feed.to_string(), *acknowledged_to));
        }
        if is_of_it && is_there {
            if news.acknowledged.is_some() {
                news.lanes.push(row.clone());
                self.state.save(self.lease, &news).await?;
            }
            *self.lanes.lock().await.entry(row.topic_partition).or_default() += 1;
            return Ok(row);
        }
        tracing::warn!(
            lane = row.lane,
            from = format!("{}/{}", row.topic, row.topic_partition),
            "a lane goes to another partition: readers see its order by its sequence alone"
        );
        self.put_into_partition(news, row).await
    }

    /// A lane whose partition has lost messages, as it was before the first that may be missing.
    async fn before_lost(&self, feed: &FeedName, row: LaneRow) -> Result<LaneRow, PublishError> {
        let accepted_to = self.state.accepted_to(&feed.to_string()).await?;
        let lanes = std::slice::from_ref(&row);
        let back = self.stream.before_unaccepted(feed, lanes, accepted_to).await?;
        let back = back.into_iter().next().unwrap_or(row);
        Ok(LaneRow { is_lost: 0, ..back })
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

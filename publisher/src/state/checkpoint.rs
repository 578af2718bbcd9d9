//! How far feeds, lanes and topic partitions are acknowledged, as the tables store it.

use std::collections::BTreeSet;

use log_record::PackedPlace;

use super::database::{Transaction, Value};
use super::error::StateError;
use super::store::{Lease, State};
use crate::kafka::acknowledged::PartitionOffset;
use crate::kafka::topic_partition::TopicPartition;
use crate::lane_name::{FeedName, LaneName};
use crate::outbound::lane::LaneEntry;

/// How far a lane is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LaneCheckpoint {
    pub(crate) lane: LaneName,
    /// The topic and partition that the lane is sent to; the topic is empty before it has one.
    pub(crate) topic: String,
    pub(crate) topic_partition: TopicPartition,
    /// The place of the last message up to which all of the lane is acknowledged; the feed's start
    /// before the first.
    pub(crate) place: PackedPlace,
    /// That message's sequence, id and digest. The id is empty if the lane went back.
    pub(crate) sequence: i64,
    pub(crate) message_id: String,
    pub(crate) digest: String,
    /// Why the lane's next message can't be sent.
    pub(crate) blocked_why: Option<String>,
    /// Its partition has lost messages, and the lane has not gone back yet.
    pub(crate) is_lost: bool,
}

impl LaneCheckpoint {
    /// A lane that has sent nothing and has no partition.
    pub(crate) fn new(lane: LaneName) -> Self {
        Self {
            place: lane.feed.start(),
            lane,
            topic: String::new(),
            topic_partition: TopicPartition::default(),
            sequence: 0,
            message_id: String::new(),
            digest: String::new(),
            blocked_why: None,
            is_lost: false,
        }
    }

    /// The lane gone back, so that the message at `place` with `sequence` is its next one.
    pub(crate) fn before(&self, place: PackedPlace, sequence: i64) -> Self {
        Self {
            place: place.previous(),
            sequence: sequence - 1,
            message_id: String::new(),
            digest: String::new(),
            is_lost: false,
            ..self.clone()
        }
    }

    /// The lane is acknowledged up to this message.
    pub(crate) fn pass(&mut self, entry: LaneEntry) {
        self.place = entry.place;
        self.sequence = entry.sequence;
        self.message_id = entry.id.to_string();
        self.digest = entry.digest.text();
    }

    /// Whether anything of the lane was acknowledged.
    pub(crate) fn has_sent(&self) -> bool {
        self.place > self.lane.feed.start()
    }
}

/// How far a feed is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FeedCheckpoint {
    pub(crate) feed: FeedName,
    /// Every message up to here is acknowledged, except those of blocked lanes.
    pub(crate) acknowledged_to: PackedPlace,
    /// Every request up to here was checked for acceptance.
    pub(crate) checked_to: PackedPlace,
    /// Why nothing is sent until an operator decides.
    pub(crate) stopped_why: Option<String>,
}

/// All that a start goes on from.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) lanes: Vec<LaneCheckpoint>,
    pub(crate) feeds: Vec<FeedCheckpoint>,
    pub(crate) partitions: Vec<PartitionOffset>,
}

/// The changes of one feed since its last checkpoint.
#[derive(Debug, Default)]
pub(crate) struct Checkpoint {
    pub(crate) lanes: Vec<LaneCheckpoint>,
    pub(crate) partitions: Vec<PartitionOffset>,
    /// The partitions of these for whose loss the feed's lanes have gone back.
    pub(crate) gone_back: BTreeSet<TopicPartition>,
    /// How far the feed is acknowledged. Its lanes may be further.
    pub(crate) acknowledged: Option<FeedAcknowledged>,
}

/// Up to which place a feed is acknowledged.
#[derive(Debug)]
pub(crate) struct FeedAcknowledged {
    pub(crate) feed: FeedName,
    pub(crate) to: PackedPlace,
}

impl State {
    pub(crate) async fn load(&self) -> Result<Stored, StateError> {
        let mut reading = self.database.read().await?;
        let lanes: Vec<LaneRow> = reading.all(include_str!("sql/select_lanes.sql"), &[]).await?;
        let feeds: Vec<FeedRow> = reading.all(include_str!("sql/select_feeds.sql"), &[]).await?;
        let partitions: Vec<PartitionRow> =
            reading.all(include_str!("sql/select_topic_partitions.sql"), &[]).await?;
        reading.commit().await?;
        Ok(Stored {
            lanes: lanes.into_iter().map(LaneRow::checkpoint).collect::<Result<_, _>>()?,
            feeds: feeds.into_iter().map(FeedRow::checkpoint).collect::<Result<_, _>>()?,
            partitions: partitions
                .into_iter()
                .map(PartitionRow::offset)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Writes a checkpoint in one transaction.
    pub(crate) async fn save(&self, lease: Lease, news: &Checkpoint) -> Result<(), StateError> {
        let mut writing = self.fenced(lease).await?;
        for row in &news.partitions {
            let (topic, partition) = (Value::Text(&row.topic), Value::Int(row.partition.0.into()));
            let losses = Value::Int(i64::try_from(row.losses).unwrap_or(i64::MAX));
            // Marks the lanes of other feeds; each feed sends its own lanes back.
            if news.gone_back.contains(&row.partition) {
                let values = [topic, partition, losses];
                writing.run(include_str!("sql/mark_lanes_lost.sql"), &values).await?;
            }
            let values = [topic, partition, Value::Int(row.offset), losses];
            writing.run(include_str!("sql/upsert_topic_partition.sql"), &values).await?;
        }
        write_lanes(&mut writing, &news.lanes).await?;
        if let Some(FeedAcknowledged { feed, to }) = &news.acknowledged {
            let values = [Value::Text(&feed.to_string()), Value::Place(*to)];
            writing.run(include_str!("sql/upsert_feed.sql"), &values).await?;
        }
        writing.commit().await
    }

    /// Deletes the offsets of partitions that the topic doesn't have any more.
    pub(crate) async fn keep_partitions(
        &self,
        lease: Lease,
        topic: &str,
        partitions: i32,
    ) -> Result<(), StateError> {
        let mut writing = self.fenced(lease).await?;
        let values = [Value::Text(topic), Value::Int(partitions.into())];
        writing.run(include_str!("sql/delete_topic_partitions.sql"), &values).await?;
        writing.commit().await
    }

    /// Stores why nothing is sent to a feed any more.
    pub(crate) async fn stop_feed(
        &self,
        lease: Lease,
        feed: &FeedName,
        why: &str,
    ) -> Result<(), StateError> {
        let mut writing = self.fenced(lease).await?;
        let values = [Value::Text(&feed.to_string()), Value::Text(why)];
        writing.run(include_str!("sql/stop_feed.sql"), &values).await?;
        writing.commit().await
    }

    /// Stores an operator's decision from where to go on with a stopped feed. Rows beyond that
    /// place belong to a history that was replaced, and are deleted.
    pub(crate) async fn continue_feed(
        &self,
        feed: &FeedCheckpoint,
        lanes: &[LaneCheckpoint],
    ) -> Result<(), StateError> {
        let mut writing = self.database.begin().await?;
        write_lanes(&mut writing, lanes).await?;
        let name = feed.feed.to_string();
        let acknowledged_to = Value::Place(feed.acknowledged_to);
        let values = [Value::Text(&name), acknowledged_to, Value::Place(feed.checked_to)];
        writing.run(include_str!("sql/continue_feed.sql"), &values).await?;
        let beyond = [Value::Text(&name), acknowledged_to];
        writing.run(include_str!("sql/delete_unaccepted_after.sql"), &beyond).await?;
        writing.run(include_str!("sql/delete_acknowledgements_after.sql"), &beyond).await?;
        writing.commit().await
    }
}

async fn write_lanes(
    writing: &mut Transaction<'_>,
    lanes: &[LaneCheckpoint],
) -> Result<(), StateError> {
    for lane in lanes {
        let values = [
            Value::Text(&lane.lane.to_string()),
            Value::Text(&lane.lane.feed.to_string()),
            Value::Text(&lane.topic),
            Value::Int(lane.topic_partition.0.into()),
            Value::Place(lane.place),
            Value::Int(lane.sequence),
            Value::Text(&lane.message_id),
            Value::Text(&lane.digest),
            Value::OptionText(lane.blocked_why.as_deref()),
            Value::Bool(lane.is_lost),
        ];
        writing.run(include_str!("sql/upsert_lane.sql"), &values).await?;
    }
    Ok(())
}

#[derive(sql_macros::FromRow)]
struct LaneRow {
    lane: String,
    topic: String,
    topic_partition: i64,
    place: i64,
    sequence: i64,
    message_id: String,
    digest: String,
    blocked_why: Option<String>,
    is_lost: i64,
}

impl LaneRow {
    fn checkpoint(self) -> Result<LaneCheckpoint, StateError> {
        let lane: LaneName = self.lane.parse()?;
        Ok(LaneCheckpoint {
            topic: self.topic,
            topic_partition: partition(self.topic_partition)?,
            place: PackedPlace::from_i64(self.place),
            sequence: self.sequence,
            message_id: self.message_id,
            digest: self.digest,
            blocked_why: self.blocked_why,
            is_lost: self.is_lost == 1,
            lane,
        })
    }
}

#[derive(sql_macros::FromRow)]
struct FeedRow {
    feed: String,
    acknowledged_to: i64,
    checked_to: i64,
    stopped_why: Option<String>,
}

impl FeedRow {
    fn checkpoint(self) -> Result<FeedCheckpoint, StateError> {
        let feed: FeedName = self.feed.parse()?;
        // A feed that was stopped before its first message has 0 in these columns.
        let place = |column| PackedPlace::from_i64(column).max(feed.start());
        let (acknowledged_to, checked_to) = (place(self.acknowledged_to), place(self.checked_to));
        let stopped_why = self.stopped_why;
        Ok(FeedCheckpoint { feed, acknowledged_to, checked_to, stopped_why })
    }
}

#[derive(sql_macros::FromRow)]
struct PartitionRow {
    topic: String,
    topic_partition: i64,
    topic_offset: i64,
    losses: i64,
}

impl PartitionRow {
    fn offset(self) -> Result<PartitionOffset, StateError> {
        Ok(PartitionOffset {
            partition: partition(self.topic_partition)?,
            topic: self.topic,
            offset: self.topic_offset,
            losses: u64::try_from(self.losses).unwrap_or_default(),
        })
    }
}

fn partition(column: i64) -> Result<TopicPartition, StateError> {
    let number = i32::try_from(column);
    let bad_row = |_| StateError::BadRow(format!("{column} is not a topic's partition"));
    number.map(TopicPartition).map_err(bad_row)
}

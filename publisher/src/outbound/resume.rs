//! How a feed starts: its messages are verified, and lanes whose partition lost messages or is gone
//! go back.

use log_record::PackedPlace;

use super::session::Session;
use crate::error::{ForkSign, PublishError};
use crate::kafka::topic_partition::Losses;
use crate::lane_name::FeedName;
use crate::state::checkpoint::{Checkpoint, FeedAcknowledged, FeedCheckpoint, LaneCheckpoint};

/// What the state has of one feed.
#[derive(Debug, Default)]
pub(crate) struct StoredFeedRows {
    pub(crate) feed: Option<FeedCheckpoint>,
    pub(crate) lanes: Vec<LaneCheckpoint>,
    /// How often each partition had lost messages when the rows were read. Lanes that have not gone
    /// back for it are marked.
    pub(crate) losses: Losses,
}

/// Where a feed starts.
#[derive(Debug)]
pub(crate) struct FeedStart {
    pub(crate) name: FeedName,
    pub(crate) lanes: Vec<LaneCheckpoint>,
    pub(crate) losses: Losses,
    pub(crate) acknowledged_to: PackedPlace,
    pub(crate) checked_to: PackedPlace,
}

/// Verifies a feed's lanes, and gives each one its partition of the topic.
pub(crate) async fn resume(
    session: &Session,
    name: &FeedName,
    stored: StoredFeedRows,
) -> Result<FeedStart, PublishError> {
    for lane in &stored.lanes {
        verify(session, name, lane).await?;
    }
    let StoredFeedRows { feed, lanes, losses } = stored;
    let mut start = FeedStart {
        name: name.clone(),
        lanes: vec![],
        losses,
        acknowledged_to: feed.as_ref().map_or(name.start(), |feed| feed.acknowledged_to),
        checked_to: feed.as_ref().map_or(name.start(), |feed| feed.checked_to),
    };
    for lane in lanes {
        resume_lane(session, &mut start, lane).await?;
    }
    Ok(start)
}

/// Verifies that the read model still has the last acknowledged message of a lane. A read model
/// that has not reached it may be under rebuild, or the log was shortened: only an operator knows.
async fn verify(
    session: &Session,
    feed: &FeedName,
    lane: &LaneCheckpoint,
) -> Result<(), PublishError> {
    // The lane has sent nothing yet, or went back.
    if lane.message_id.is_empty() {
        return Ok(());
    }
    let found = session.stream.message_at(lane.place).await;
    let found = found.map_err(|error| PublishError::Unverified(Box::new(error)))?;
    let (name, sent) = (lane.lane.to_string(), lane.message_id.clone());
    match found {
        Some(message) if message.entry.digest.text() == lane.digest => Ok(()),
        Some(message) => {
            let found = message.entry.id.to_string();
            Err(PublishError::forked(feed, ForkSign::Replaced { lane: name, sent, found }))
        }
        None => Err(PublishError::forked(feed, ForkSign::Gone { lane: name, sent })),
    }
}

/// Adds a lane to the start. It keeps its partition unless that is gone, or of another topic. A
/// lane whose partition has lost messages goes back to its first unaccepted message, and the feed
/// with it.
async fn resume_lane(
    session: &Session,
    start: &mut FeedStart,
    mut lane: LaneCheckpoint,
) -> Result<(), PublishError> {
    let partitions = session.topic.partitions().unwrap_or_default();
    let is_of_topic = lane.topic == session.topic.name;
    let exists = lane.topic_partition.0 < partitions;
    let mut changes = Checkpoint::default();
    if is_of_topic && (lane.is_lost || !exists) {
        lane = before_lost(session, &start.name, lane).await?;
        start.acknowledged_to = lane.place.min(start.acknowledged_to);
        let to = start.acknowledged_to;
        changes.acknowledged = Some(FeedAcknowledged { feed: start.name.clone(), to });
    }
    if is_of_topic && exists {
        if changes.acknowledged.is_some() {
            changes.lanes.push(lane.clone());
            session.state.save(session.lease, &changes).await?;
        }
        session.count_lane(lane.topic_partition).await;
    } else {
        let from = format!("{}/{}", lane.topic, lane.topic_partition);
        tracing::warn!(
            lane = %lane.lane,
            from,
            "the lane moves to another partition: readers keep its order by its sequence alone"
        );
        lane = session.put_into_partition(changes, lane).await?;
    }
    start.lanes.push(lane);
    Ok(())
}

/// A lane whose partition has lost messages, gone back to before the first that may be missing.
async fn before_lost(
    session: &Session,
    feed: &FeedName,
    lane: LaneCheckpoint,
) -> Result<LaneCheckpoint, PublishError> {
    let accepted_to = session.state.accepted_to(feed).await?;
    let lanes = std::slice::from_ref(&lane);
    let back = session.stream.before_unaccepted(feed, lanes, accepted_to).await?;
    let back = back.into_iter().next().unwrap_or(lane);
    Ok(LaneCheckpoint { is_lost: false, ..back })
}

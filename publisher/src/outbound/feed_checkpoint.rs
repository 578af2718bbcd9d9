//! What the state has of a feed, and what has changed since the last checkpoint.
//!
//! A checkpoint is synced to the disk. The feed goes on sending meanwhile, and learns later whether
//! it was stored.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use log_record::PackedPlace;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::lanes::Lanes;
use super::session::Session;
use crate::error::PublishError;
use crate::kafka::topic_partition::{Losses, TopicPartition};
use crate::lane_name::FeedName;
use crate::state::checkpoint::{Checkpoint, FeedAcknowledged};
use crate::state::error::StateError;

/// A feed as the state has it.
pub(crate) struct StoredFeed {
    pub(crate) acknowledged_to: PackedPlace,
    /// When the last checkpoint was begun.
    stored_at: Instant,
    /// The partitions that acknowledged messages since the last checkpoint.
    pub(crate) touched: BTreeSet<TopicPartition>,
    /// How often each partition had lost messages when the lanes went back for it.
    pub(crate) losses: Losses,
    /// The partitions for which lanes have gone back since the last checkpoint.
    pub(crate) gone_back: BTreeSet<TopicPartition>,
    storing: Option<Storing>,
}

/// A checkpoint that is being stored.
struct Storing {
    task: AbortOnDropHandle<Result<(), StateError>>,
    /// The slots of its lanes.
    lanes: Vec<u16>,
    touched: BTreeSet<TopicPartition>,
    gone_back: BTreeSet<TopicPartition>,
    acknowledged_to: PackedPlace,
}

impl StoredFeed {
    pub(crate) fn new(acknowledged_to: PackedPlace, losses: Losses) -> Self {
        Self {
            acknowledged_to,
            stored_at: Instant::now(),
            touched: BTreeSet::new(),
            losses,
            gone_back: BTreeSet::new(),
            storing: None,
        }
    }

    /// Notes that the lanes have gone back for these losses.
    pub(crate) fn went_back(&mut self, partitions: &BTreeSet<TopicPartition>, losses: Losses) {
        self.touched.extend(partitions);
        self.gone_back.extend(partitions);
        self.losses = losses;
    }

    /// Whether another checkpoint is due, this long after the last.
    pub(crate) fn is_due(&self, every: Duration) -> bool {
        self.storing.is_none() && self.stored_at.elapsed() >= every
    }

    /// Stores the changes, if there are any, and waits for that. The feed is acknowledged up to
    /// `to`.
    pub(crate) async fn store(
        &mut self,
        session: &Arc<Session>,
        feed: &FeedName,
        lanes: &mut Lanes,
        to: PackedPlace,
    ) -> Result<(), PublishError> {
        // What changed since an earlier one failed is to be stored all the same.
        let earlier = self.wait(lanes).await;
        self.begin(session, feed, lanes, to);
        let stored = self.wait(lanes).await;
        earlier.and(stored)
    }

    /// Begins to store the changes, if there are any.
    pub(crate) fn begin(
        &mut self,
        session: &Arc<Session>,
        feed: &FeedName,
        lanes: &mut Lanes,
        to: PackedPlace,
    ) {
        self.stored_at = Instant::now();
        let offsets = &session.topic.acknowledged;
        // A loss that is stored before this feed has gone back would be forgotten by a restart.
        if offsets.losses() != self.losses {
            return;
        }
        let changed: Vec<_> = lanes.all().iter().filter_map(|lane| lane.changed()).collect();
        let slots = changed.iter().map(|lane| lane.lane.slot()).collect();
        let checkpoint = Checkpoint {
            lanes: changed.into_iter().cloned().collect(),
            partitions: self.touched.iter().filter_map(|it| offsets.stored(*it)).collect(),
            gone_back: self.gone_back.clone(),
            acknowledged: Some(FeedAcknowledged { feed: feed.clone(), to }),
        };
        let is_same = to == self.acknowledged_to;
        if checkpoint.lanes.is_empty() && checkpoint.partitions.is_empty() && is_same {
            return;
        }
        lanes.all_mut().iter_mut().for_each(|lane| lane.stored());
        let session = Arc::clone(session);
        let storing = async move { session.state.save(session.lease, &checkpoint).await };
        self.storing = Some(Storing {
            task: AbortOnDropHandle::new(tokio::spawn(storing)),
            lanes: slots,
            touched: std::mem::take(&mut self.touched),
            gone_back: std::mem::take(&mut self.gone_back),
            acknowledged_to: to,
        });
    }

    /// Notes whether a checkpoint was stored, if that is known by now.
    pub(crate) async fn note(&mut self, lanes: &mut Lanes) -> Result<(), PublishError> {
        match &self.storing {
            Some(storing) if storing.task.is_finished() => self.wait(lanes).await,
            _ => Ok(()),
        }
    }

    /// Waits for the checkpoint that is being stored, if there is one. What was not stored has
    /// changed still.
    pub(crate) async fn wait(&mut self, lanes: &mut Lanes) -> Result<(), PublishError> {
        let Some(storing) = &mut self.storing else { return Ok(()) };
        let stored = (&mut storing.task).await;
        let Some(storing) = self.storing.take() else { return Ok(()) };
        if let Ok(Ok(())) = stored {
            self.acknowledged_to = storing.acknowledged_to;
            return Ok(());
        }
        for slot in storing.lanes {
            if let Some(number) = lanes.number(slot) {
                lanes[number].not_stored();
            }
        }
        self.touched.extend(storing.touched);
        self.gone_back.extend(storing.gone_back);
        stored.unwrap_or_else(|_| Ok(())).map_err(PublishError::from).and(Err(PublishError::Failed))
    }
}

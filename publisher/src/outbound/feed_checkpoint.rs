//! What the state has of a feed, and what has changed since the last checkpoint.

use std::collections::BTreeSet;
use std::time::Duration;

use log_record::PackedPlace;
use tokio::time::Instant;

use super::lanes::Lanes;
use super::session::Session;
use crate::kafka::topic_partition::{Losses, TopicPartition};
use crate::lane_name::FeedName;
use crate::state::checkpoint::{Checkpoint, FeedAcknowledged};
use crate::state::error::StateError;

/// A feed as the state has it.
pub(crate) struct StoredFeed {
    pub(crate) acknowledged_to: PackedPlace,
    stored_at: Instant,
    /// The partitions that acknowledged messages since the last checkpoint.
    pub(crate) touched: BTreeSet<TopicPartition>,
    /// How often each partition had lost messages when the lanes went back for it.
    pub(crate) losses: Losses,
    /// The partitions for which lanes have gone back since the last checkpoint.
    pub(crate) gone_back: BTreeSet<TopicPartition>,
}

impl StoredFeed {
    pub(crate) fn new(acknowledged_to: PackedPlace, losses: Losses) -> Self {
        Self {
            acknowledged_to,
            stored_at: Instant::now(),
            touched: BTreeSet::new(),
            losses,
            gone_back: BTreeSet::new(),
        }
    }

    /// Notes that the lanes have gone back for these losses.
    pub(crate) fn went_back(&mut self, partitions: &BTreeSet<TopicPartition>, losses: Losses) {
        self.touched.extend(partitions);
        self.gone_back.extend(partitions);
        self.losses = losses;
    }

    /// Whether the last checkpoint is at least so old.
    pub(crate) fn is_older_than(&self, age: Duration) -> bool {
        self.stored_at.elapsed() >= age
    }

    /// Stores the changes, if there are any. The feed is acknowledged up to `to`.
    pub(crate) async fn store(
        &mut self,
        session: &Session,
        feed: &FeedName,
        lanes: &mut Lanes,
        to: PackedPlace,
    ) -> Result<(), StateError> {
        let offsets = &session.topic.acknowledged;
        let changed = lanes.all().iter().filter_map(|lane| lane.changed()).cloned();
        let checkpoint = Checkpoint {
            lanes: changed.collect(),
            partitions: self.touched.iter().filter_map(|it| offsets.stored(*it)).collect(),
            gone_back: self.gone_back.clone(),
            acknowledged: Some(FeedAcknowledged { feed: feed.clone(), to }),
        };
        // A loss that is stored before this feed has gone back would be forgotten by a restart.
        if offsets.losses() != self.losses {
            return Ok(());
        }
        let is_same = to == self.acknowledged_to;
        if checkpoint.lanes.is_empty() && checkpoint.partitions.is_empty() && is_same {
            return Ok(());
        }
        session.state.save(session.lease, &checkpoint).await?;
        lanes.all_mut().iter_mut().for_each(|lane| lane.stored());
        self.touched.clear();
        self.gone_back.clear();
        self.acknowledged_to = to;
        self.stored_at = Instant::now();
        Ok(())
    }
}

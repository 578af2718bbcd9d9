//! Where the lanes end in the read model: which feeds exist, and which have new messages.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use log_record::PackedPlace;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::stream::{Known, LaneEnd, Moved, Reached, Stream};
use crate::causes::with_causes;
use crate::lane_name::{FeedName, LaneName};

/// The shortest pause between two reads. Where no projector runs in this process, it is the pause.
const READ_EVERY: Duration = Duration::from_millis(5);

/// The longest wait for this process's projector, and the pause after a failed read.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// The ends of all lanes.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    /// The last place of each feed.
    last: BTreeMap<FeedName, PackedPlace>,
    sequences: HashMap<LaneName, i64>,
}

impl Ends {
    pub(crate) fn of_lanes(lanes: Vec<LaneEnd>) -> Self {
        let mut ends = Self::default();
        ends.note(lanes);
        ends
    }

    /// Some lanes end there now.
    fn note(&mut self, lanes: Vec<LaneEnd>) {
        for LaneEnd { lane, last_sequence, last_place } in lanes {
            let end = self.last.entry(lane.feed.clone()).or_insert(last_place);
            *end = last_place.max(*end);
            self.sequences.insert(lane, last_sequence);
        }
    }

    /// The last place of a feed, or its start.
    pub(crate) fn of(&self, feed: &FeedName) -> PackedPlace {
        self.last.get(feed).copied().unwrap_or_else(|| feed.start())
    }

    /// All feeds that have messages.
    pub(crate) fn feeds(&self) -> impl Iterator<Item = &FeedName> {
        self.last.keys()
    }

    /// The last sequence of a lane, or 0.
    pub(crate) fn sequence(&self, lane: &LaneName) -> i64 {
        self.sequences.get(lane).copied().unwrap_or_default()
    }
}

/// Reads the ends that have moved, whenever the read model has.
pub(crate) async fn keep_reading(
    stream: &Stream,
    partitions: u16,
    ends: &watch::Sender<Ends>,
    stop: &CancellationToken,
) {
    // What another session has read may be of another history.
    let mut known = Reached::default();
    loop {
        match stream.lanes_moved_since(&known, partitions).await {
            Ok(None) => {}
            Ok(Some(Moved { reached, lanes, has_gone_back })) => {
                if has_gone_back || known == Reached::default() {
                    drop(ends.send(Ends::of_lanes(lanes)));
                } else if !lanes.is_empty() {
                    ends.send_modify(|ends| ends.note(lanes));
                }
                known = reached;
            }
            Err(error) => {
                tracing::warn!(error = with_causes(&error), "can't read the ends of the lanes");
                known = Reached::default();
                tokio::time::sleep(WAIT_MAX).await;
            }
        }
        let wait = async {
            tokio::time::sleep(READ_EVERY).await;
            if let [Known { at, .. }] = known.0[..] {
                stream.wait_past(at, WAIT_MAX).await;
            }
        };
        if stop.run_until_cancelled(wait).await.is_none() {
            return;
        }
    }
}

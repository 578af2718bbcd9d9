//! Where the lanes end in the read model: which feeds exist, and which have new messages.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use log_record::{PackedPlace, Partition};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::stream::{LaneEnd, Stream};
use crate::causes::with_causes;
use crate::error::PublishError;
use crate::lane_name::{FeedName, LaneName};

/// The shortest pause between two reads. Where no projector runs in this process, it is the pause.
const READ_EVERY: Duration = Duration::from_millis(10);

/// The longest wait for this process's projector, and the pause after a failed read.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// The ends of all lanes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends {
    /// The last place of each feed.
    last: Arc<BTreeMap<FeedName, PackedPlace>>,
    sequences: Arc<HashMap<LaneName, i64>>,
}

impl Ends {
    pub(crate) fn of_lanes(lanes: Vec<LaneEnd>) -> Self {
        let (mut last, mut sequences) = (BTreeMap::new(), HashMap::new());
        for LaneEnd { lane, last_sequence, last_place } in lanes {
            let end = last.entry(lane.feed.clone()).or_insert(last_place);
            *end = last_place.max(*end);
            sequences.insert(lane, last_sequence);
        }
        Self { last: Arc::new(last), sequences: Arc::new(sequences) }
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

/// Reads the ends again whenever the read model has moved on.
pub(crate) async fn keep_reading(
    stream: &Stream,
    partitions: u16,
    ends: &watch::Sender<Ends>,
    stop: &CancellationToken,
) {
    let mut known: Option<Vec<PackedPlace>> = None;
    loop {
        match read(stream, partitions, &mut known).await {
            Ok(Some(found)) => drop(ends.send(found)),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(error = with_causes(&error), "can't read the ends of the lanes");
                known = None;
                tokio::time::sleep(WAIT_MAX).await;
            }
        }
        let wait = async {
            tokio::time::sleep(READ_EVERY).await;
            if let Some([only]) = known.as_deref() {
                stream.wait_past(*only, WAIT_MAX).await;
            }
        };
        if stop.run_until_cancelled(wait).await.is_none() {
            return;
        }
    }
}

/// The ends, if the read model has moved on since `known`.
async fn read(
    stream: &Stream,
    partitions: u16,
    known: &mut Option<Vec<PackedPlace>>,
) -> Result<Option<Ends>, PublishError> {
    let mut reached = vec![];
    for partition in (0..partitions).map(Partition) {
        reached.push(stream.reached(partition).await?);
    }
    if known.as_ref() == Some(&reached) {
        return Ok(None);
    }
    let found = Ends::of_lanes(stream.lane_ends().await?);
    *known = Some(reached);
    Ok(Some(found))
}

//! Where the read model's lanes end: which warehouses there are, and what is new for whom.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use log_record::{Partition, Place, Position};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::stream::{Stream, key};

/// How often the read model is looked at, at most; and where no projector of this process says when
/// to.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How long the projector's word is waited for.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// One partition's messages for one warehouse: `{partition}/{warehouse}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FeedName {
    pub(crate) partition: Partition,
    pub(crate) warehouse: String,
}

/// A lane as the projector has counted it.
#[derive(Clone, Debug, PartialEq, Eq, sql_macros::FromRow)]
pub(crate) struct LaneEnd {
    pub(crate) lane: String,
    pub(crate) warehouse: String,
    pub(crate) last_sequence: i64,
    pub(crate) last_place: i64,
}

/// All lanes' ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends {
    /// The last place of each feed.
    last: Arc<BTreeMap<FeedName, i64>>,
    sequences: Arc<BTreeMap<String, i64>>,
}

impl FeedName {
    /// Before its first message.
    pub(crate) fn start(&self) -> Place {
        Place { partition: self.partition, position: Position::START }
    }
}

impl fmt::Display for FeedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.warehouse)
    }
}

/// A lane's name begins with its feed's, too.
impl FromStr for FeedName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('/');
        let partition = Partition(parts.next().and_then(|part| part.parse().ok()).ok_or(())?);
        Ok(Self { partition, warehouse: parts.next().ok_or(())?.into() })
    }
}

impl Ends {
    /// Of all lanes that there are.
    pub(crate) fn of_lanes(lanes: Vec<LaneEnd>) -> Self {
        let (mut last, mut sequences) = (BTreeMap::new(), BTreeMap::new());
        for lane in lanes {
            let Ok(feed) = lane.lane.parse::<FeedName>() else { continue };
            let end = last.entry(feed).or_insert(lane.last_place);
            *end = lane.last_place.max(*end);
            sequences.insert(lane.lane, lane.last_sequence);
        }
        Self { last: Arc::new(last), sequences: Arc::new(sequences) }
    }

    /// The last place of a feed, or 0.
    pub(crate) fn of(&self, feed: &FeedName) -> i64 {
        self.last.get(feed).copied().unwrap_or_default()
    }

    /// All feeds that there are, each with its last place.
    pub(crate) fn feeds(&self) -> impl Iterator<Item = (&FeedName, i64)> {
        self.last.iter().map(|(feed, end)| (feed, *end))
    }

    /// The last sequence of a lane, or 0.
    pub(crate) fn sequence(&self, lane: &str) -> i64 {
        self.sequences.get(lane).copied().unwrap_or_default()
    }
}

/// Looks where the lanes end whenever the read model has come further.
pub(crate) async fn keep_looking(
    stream: &Stream,
    partitions: u16,
    ends: &watch::Sender<Ends>,
    stop: &CancellationToken,
) {
    let mut known: Option<Vec<Place>> = None;
    loop {
        match look(stream, partitions, &mut known).await {
            Ok(Some(found)) => drop(ends.send(found)),
            Ok(None) => {}
            Err(error) => {
                let error = crate::with_causes(&error);
                tracing::warn!(error, "it can't be read what is to be published");
                known = None;
                tokio::time::sleep(WAIT_MAX).await;
            }
        }
        let wait = async {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Some([only]) = known.as_deref() {
                stream.wait_past(*only, WAIT_MAX).await;
            }
        };
        if stop.run_until_cancelled(wait).await.is_none() {
            return;
        }
    }
}

async fn look(
    stream: &Stream,
    partitions: u16,
    known: &mut Option<Vec<Place>>,
) -> Result<Option<Ends>, crate::PublishError> {
    let mut reached = vec![];
    for partition in (0..partitions).map(Partition) {
        reached.push(stream.reached(partition).await?);
    }
    if known
        .as_ref()
        .is_some_and(|known| known.iter().map(|at| key(*at)).eq(reached.iter().map(|at| key(*at))))
    {
        return Ok(None);
    }
    let found = Ends::of_lanes(stream.lane_ends().await?);
    *known = Some(reached);
    Ok(Some(found))
}

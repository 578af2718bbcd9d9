//! Where the log ends: what comes after that will never be read, however long one waits.

use std::pin::pin;
use std::time::Duration;

use log_record::Place;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::{ReadError, ReadModel, Reading};

/// The longest wait for the next look at the log's ends, of which there is one a second.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// Where a log's partitions ended when somebody looked.
#[derive(Clone, Debug)]
pub struct LogEnds {
    /// When that look began.
    pub looked_at: Instant,
    /// The end of each partition.
    pub ends: Vec<Place>,
}

impl LogEnds {
    /// Where the partition of a place ends.
    pub(super) fn of(&self, place: &Place) -> Option<&Place> {
        self.ends.iter().find(|end| end.partition == place.partition)
    }

    /// Whether a partition ends before one of these places.
    fn are_before(&self, places: &[Place]) -> bool {
        let is_beyond =
            |place: &Place| self.of(place).is_none_or(|end| end.position < place.position);
        places.iter().any(is_beyond)
    }
}

impl ReadModel {
    /// Begins to read tables that contain every one of these places, which it waits for; nothing
    /// where the log itself ends before one of them. Where nobody looks at the log, the tables'
    /// end counts as the log's.
    pub async fn read_if_there(
        &self,
        wanted: &[Place],
        wait_max: Duration,
    ) -> Result<Option<Reading>, ReadError> {
        let mut reading = pin!(self.read(wanted, wait_max));
        let Some(ends) = self.log.get().and_then(|log| log.followed_ends()) else {
            return match reading.await {
                Err(ReadError::Behind { .. }) => Ok(None),
                read => read.map(Some),
            };
        };
        let mut looking = pin!(end_before(ends, wanted));
        let mut is_there = false;
        let refused = loop {
            tokio::select! {
                read = &mut reading => match read {
                    Err(refused @ ReadError::Behind { .. }) => break refused,
                    read => return read.map(Some),
                },
                is_before = &mut looking, if !is_there => match is_before {
                    true => return Ok(None),
                    false => is_there = true,
                },
            }
        };
        if !is_there && timeout(LOOK_MAX, looking).await == Ok(true) {
            return Ok(None);
        }
        Err(refused)
    }
}

/// Whether the log ends before one of these places, as a look shows that begins from now on: they
/// were known before.
async fn end_before(mut ends: watch::Receiver<LogEnds>, places: &[Place]) -> bool {
    let now = Instant::now();
    let looked = ends.wait_for(|ends| ends.looked_at >= now).await;
    looked.is_ok_and(|ends| ends.are_before(places))
}

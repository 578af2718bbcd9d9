//! Where the log ends: what comes after that will never be read, however long one waits.

use std::pin::pin;
use std::time::Duration;

use log_record::{Place, Position};
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

    /// The first of these places before which its partition ends, and where that is.
    fn first_beyond(&self, places: &[Place]) -> Option<ReadError> {
        places.iter().find_map(|place| {
            let none = Place { partition: place.partition, position: Position::START };
            let end = *self.of(place).unwrap_or(&none);
            let is_beyond = end.position < place.position;
            is_beyond.then_some(ReadError::BeyondEnd { wanted: *place, end })
        })
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
        let is_followed = self.log.get().is_some_and(|log| log.followed_ends().is_some());
        match self.unless_beyond(wanted, self.read(wanted, wait_max)).await {
            Err(ReadError::BeyondEnd { .. }) => Ok(None),
            Err(ReadError::Behind { .. }) if !is_followed => Ok(None),
            read => read.map(Some),
        }
    }

    /// What a read of tables gives that contain every one of these places, which it waits for; but
    /// a look at the log that shows that it ends before one of them ends the wait, with
    /// [`ReadError::BeyondEnd`].
    pub async fn unless_beyond<T>(
        &self,
        wanted: &[Place],
        reading: impl Future<Output = Result<T, ReadError>>,
    ) -> Result<T, ReadError> {
        let (mut reading, mut looking) = (pin!(reading), pin!(self.beyond_end(wanted)));
        let mut is_there = wanted.is_empty();
        let refused = loop {
            tokio::select! {
                // Most reads needn't wait, and then nobody looks.
                biased;
                read = &mut reading => match read {
                    Err(refused @ ReadError::Behind { .. }) => break refused,
                    read => return read,
                },
                beyond = &mut looking, if !is_there => match beyond {
                    Some(beyond) => return Err(beyond),
                    None => is_there = true,
                },
            }
        };
        if !is_there && let Ok(Some(beyond)) = timeout(LOOK_MAX, looking).await {
            return Err(beyond);
        }
        Err(refused)
    }

    /// That the log ends before one of these places, as a look shows that begins from now on: they
    /// were known before. Nothing where nobody looks.
    async fn beyond_end(&self, places: &[Place]) -> Option<ReadError> {
        let mut ends = self.log.get()?.followed_ends()?;
        let now = Instant::now();
        let looked = ends.wait_for(|ends| ends.looked_at >= now).await;
        looked.ok()?.first_beyond(places)
    }
}

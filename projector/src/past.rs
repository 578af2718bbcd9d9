//! The read tables as they were: made in memory, of the events of one account, exchange or offer.
//!
//! They are made by the same code as the live tables, and read by the same statements, so an answer
//! about the past has the shape and the meaning of the one that was given then.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::{OfferId, Timestamp};
use log_record::{LogId, Partition, RecordedEvent};
use read_model::Reading;
use tokio::task::spawn_blocking;

use crate::ProjectError;
use crate::rows::Rows;
use crate::write::{WriteError, write_past};

/// What there was by a time.
#[derive(Debug)]
pub struct Past {
    /// The partition that is looked at.
    pub partition: Partition,
    /// All that is to be in the tables, in the order in which it was recorded.
    pub events: Vec<RecordedEvent>,
    /// What was taken of an offer by exchanges that aren't among the events.
    pub sold: Option<(OfferId, i64)>,
    /// The time, which isn't before the last event.
    pub time: Timestamp,
}

impl Past {
    /// Makes the tables and begins to read them.
    pub async fn read(self, log_id: LogId) -> Result<Reading, ProjectError> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let name = format!("file:guerdon-past-{}", MADE.fetch_add(1, Ordering::Relaxed));
        let rows = Rows::of(&self.events)?;
        let made = {
            let name = name.clone();
            spawn_blocking(move || write_past(&name, log_id, &self, rows)).await
        };
        let made = made.map_err(|error| ProjectError::Past(error.into()))?;
        let made = made.map_err(|error: WriteError| ProjectError::Past(error.into_source()))?;
        let reading = Reading::of_memory(&name).await;
        drop(made);
        reading.map_err(|error| ProjectError::Past(error.into()))
    }
}

//! Whether a server's tables were made of this log's own events. A replica that outlived a restore
//! has tables of events that the log has lost, and neither its log id nor its generation shows it.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use log_record::{Checksum, Generation, Partition, Place, Position};
use sqlx::PgConnection;

const LAST_EVENTS: &str = include_str!("../sql/list_last_events.sql");

/// The last event of a partition of which tables were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastEvent {
    /// Where it is.
    pub place: Place,
    /// Its generation.
    pub generation: Generation,
    /// Its checksum.
    pub checksum: Checksum,
}

/// Asks the log whether it has an event; nothing where the log can't tell now.
#[derive(Clone)]
pub struct AskLog(Arc<Ask>);

type Ask = dyn Fn(LastEvent) -> BoxFuture<'static, Option<bool>> + Send + Sync;

impl AskLog {
    /// Asks with this function.
    pub fn new(
        ask: impl Fn(LastEvent) -> BoxFuture<'static, Option<bool>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(ask))
    }

    /// The first of these events that the log doesn't have; nothing where it can't tell.
    pub(super) async fn first_lost(&self, events: &[LastEvent]) -> Option<Option<Place>> {
        for event in events {
            if !(self.0)(*event).await? {
                return Some(Some(event.place));
            }
        }
        Some(None)
    }
}

impl fmt::Debug for AskLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AskLog")
    }
}

/// What is known of the events of which a server's tables were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// The log was not asked yet.
    Unasked,
    /// The log has them.
    Own,
    /// The log doesn't have the one at this place.
    Lost(Place),
}

/// The last event of each partition of which a server's tables were made.
pub(super) async fn last_events(
    connection: &mut PgConnection,
) -> Result<Vec<LastEvent>, sqlx::Error> {
    let rows: Vec<(i64, i64, i64, Vec<u8>)> =
        sqlx::query_as(LAST_EVENTS).fetch_all(connection).await?;
    rows.into_iter().map(last_event).collect()
}

fn last_event(row: (i64, i64, i64, Vec<u8>)) -> Result<LastEvent, sqlx::Error> {
    let (partition, generation, position, checksum) = row;
    let unreadable = |error| sqlx::Error::Decode(Box::new(error));
    let partition = u16::try_from(partition).map_err(unreadable)?;
    let generation = u32::try_from(generation).map_err(unreadable)?;
    let checksum = <[u8; 32]>::try_from(checksum)
        .map_err(|_| sqlx::Error::Decode("a checksum has 32 bytes".into()))?;
    let position = Position(position.cast_unsigned());
    Ok(LastEvent {
        place: Place { partition: Partition(partition), position },
        generation: Generation(generation),
        checksum: Checksum(checksum),
    })
}

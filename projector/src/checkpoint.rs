//! Where a partition's projection stands, and whether the log is still the one that it was made of.

use std::path::Path;

use event_store::EventStore;
use log_record::{Checksum, Generation, LogId, Partition, Place, Position, RecordedEvent};
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::ProjectError;

const SELECT: &str = include_str!("sql/select_checkpoint.sql");
const INSERT: &str = include_str!("sql/insert_checkpoint.sql");
const MOVE: &str = include_str!("sql/move_checkpoint.sql");
const STOP: &str = include_str!("sql/stop_checkpoint.sql");

/// The last event that was projected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) generation: Generation,
    pub(crate) position: Position,
    pub(crate) checksum: Checksum,
    /// When it was recorded.
    pub(crate) recorded_at: i64,
}

impl Checkpoint {
    /// Before the first event.
    const START: Self = Self {
        generation: Generation(1),
        position: Position::START,
        checksum: Checksum([0; 32]),
        recorded_at: 0,
    };

    pub(crate) const fn at(row: &RecordedEvent) -> Self {
        Self {
            generation: row.generation,
            position: row.place.position,
            checksum: row.checksum,
            recorded_at: row.recorded_at,
        }
    }

    /// Checks that this checkpoint, of log `of`, is of the log's own history.
    pub(crate) async fn verify(
        self,
        of: LogId,
        file: &Path,
        store: &EventStore,
        partition: Partition,
    ) -> Result<Self, ProjectError> {
        if of != store.log_id() {
            return Err(ProjectError::OtherLog { file: file.into(), of, log: store.log_id() });
        }
        let head = store.head(partition).await?.position;
        let place = Place { partition, position: self.position };
        let forked = || ProjectError::Forked { file: file.into(), place, head };
        if self.position > head {
            return Err(forked());
        }
        if self.position > Position::START && Self::at(&store.read_one(place).await?) != self {
            return Err(forked());
        }
        Ok(self)
    }

    /// Reads the checkpoint, and the log that it is of; makes it where there is none.
    pub(crate) fn read(
        connection: &Connection,
        partition: Partition,
        log_id: LogId,
    ) -> rusqlite::Result<(LogId, Self)> {
        let start = params![partition.0, log_id.0.as_bytes(), Self::START.checksum.0];
        connection.execute(INSERT, start)?;
        connection.query_row(SELECT, (partition.0,), |row| {
            let checkpoint = Self {
                generation: Generation(row.get(1)?),
                position: Position(row.get::<_, i64>(2)?.cast_unsigned()),
                checksum: Checksum(row.get(3)?),
                recorded_at: row.get(4)?,
            };
            Ok((LogId(Uuid::from_bytes(row.get(0)?)), checkpoint))
        })
    }

    /// Moves the checkpoint from here to `next`; false where it isn't here any more. `clock` is
    /// where the log takes its time from, where an event since here says so.
    pub(crate) fn move_to(
        self,
        next: Self,
        clock: Option<&'static str>,
        connection: &Connection,
        partition: Partition,
    ) -> rusqlite::Result<bool> {
        let moved = connection.prepare_cached(MOVE)?.execute(params![
            partition.0,
            self.position.0.cast_signed(),
            self.checksum.0,
            next.generation.0,
            next.position.0.cast_signed(),
            next.checksum.0,
            next.recorded_at,
            clock,
        ])?;
        Ok(moved == 1)
    }
}

/// Notes which event stopped the projection, and why.
pub(crate) fn note_stop(connection: &Connection, place: Place, why: &str) -> rusqlite::Result<()> {
    let row = params![place.partition.0, place.position.0.cast_signed(), why];
    connection.execute(STOP, row).map(drop)
}

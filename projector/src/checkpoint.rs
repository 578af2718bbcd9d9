//! Where a partition's projection stands, and whether the log is still the one that it was made of.

use std::path::Path;

use event_store::EventStore;
use log_record::{Checksum, Generation, LogId, Partition, Place, Position, RecordedEvent};
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::ProjectError;
use crate::database::failed;

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
}

impl Checkpoint {
    /// Before the first event.
    const START: Self =
        Self { generation: Generation(1), position: Position::START, checksum: Checksum([0; 32]) };

    pub(crate) const fn at(row: &RecordedEvent) -> Self {
        Self { generation: row.generation, position: row.place.position, checksum: row.checksum }
    }

    /// Reads the checkpoint, makes it where there is none, and verifies it against the log.
    pub(crate) async fn verified(
        connection: &mut SqliteConnection,
        file: &Path,
        store: &EventStore,
        partition: Partition,
    ) -> Result<Self, ProjectError> {
        let (of, checkpoint) = Self::read(connection, partition, store.log_id())
            .await
            .map_err(failed("read the checkpoint of", file))?;
        if of != store.log_id() {
            return Err(ProjectError::OtherLog { file: file.into(), of, log: store.log_id() });
        }
        let head = store.head(partition).await?.position;
        let place = Place { partition, position: checkpoint.position };
        let forked = || ProjectError::Forked { file: file.into(), place, head };
        if checkpoint.position > head {
            return Err(forked());
        }
        if checkpoint.position > Position::START
            && Self::at(&store.read_one(place).await?) != checkpoint
        {
            return Err(forked());
        }
        Ok(checkpoint)
    }

    pub(crate) async fn read(
        connection: &mut SqliteConnection,
        partition: Partition,
        log_id: LogId,
    ) -> Result<(LogId, Self), sqlx::Error> {
        sqlx::query(INSERT)
            .bind(partition.0)
            .bind(&log_id.0.as_bytes()[..])
            .bind(&Self::START.checksum.0[..])
            .execute(&mut *connection)
            .await?;
        let row: (Vec<u8>, u32, i64, Vec<u8>) =
            sqlx::query_as(SELECT).bind(partition.0).fetch_one(connection).await?;
        let (of, generation, position, checksum) = row;
        let checkpoint = Self {
            generation: Generation(generation),
            position: Position(position.cast_unsigned()),
            checksum: Checksum(checksum.try_into().unwrap_or_default()),
        };
        Ok((LogId(Uuid::from_slice(&of).unwrap_or_default()), checkpoint))
    }

    /// Moves the checkpoint from here to `next`; false where it isn't here any more.
    pub(crate) async fn move_to(
        self,
        next: Self,
        connection: &mut SqliteConnection,
        partition: Partition,
    ) -> Result<bool, sqlx::Error> {
        let moved = sqlx::query(MOVE)
            .bind(partition.0)
            .bind(self.position.0.cast_signed())
            .bind(&self.checksum.0[..])
            .bind(next.generation.0)
            .bind(next.position.0.cast_signed())
            .bind(&next.checksum.0[..])
            .execute(connection)
            .await?;
        Ok(moved.rows_affected() == 1)
    }
}

/// Notes which event stopped the projection, and why.
pub(crate) async fn note_stop(
    connection: &mut SqliteConnection,
    place: Place,
    why: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(STOP)
        .bind(place.partition.0)
        .bind(place.position.0.cast_signed())
        .bind(why)
        .execute(connection)
        .await?;
    Ok(())
}

//! The projection of one partition: read a batch, add it up, write rows and checkpoint.

use std::path::{Path, PathBuf};

use event_store::EventStore;
use log_record::{Partition, Place, Position, RecordedEvent};
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::watch;

use crate::ProjectError;
use crate::checkpoint::{Checkpoint, note_stop};
use crate::database::{connect, failed};
use crate::rows::{Lanes, Rows};
use crate::write::{read_lanes, write};

/// The most events in a batch: those of a thousand redemptions, a few dozen milliseconds of work,
/// which bounds how much later than necessary a read can see them.
pub(crate) const BATCH_EVENTS_MAX: usize = 2048;

/// How far a partition is projected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectionStatus {
    /// The last event whose rows can be read.
    pub position: Position,
    /// The event that can't be applied, and why, where there is one.
    pub stopped: Option<(Position, String)>,
}

/// One partition on its way into the read tables.
#[derive(Debug)]
pub(crate) struct PartitionProjection {
    file: PathBuf,
    store: EventStore,
    partition: Partition,
    connection: SqliteConnection,
    checkpoint: Checkpoint,
    lanes: Lanes,
    pub(crate) status: watch::Sender<ProjectionStatus>,
}

impl PartitionProjection {
    pub(crate) async fn open(
        file: &Path,
        store: EventStore,
        partition: Partition,
    ) -> Result<Self, ProjectError> {
        let mut connection = connect(file).await?;
        let checkpoint = Checkpoint::verified(&mut connection, file, &store, partition).await?;
        let lanes = read_lanes(&mut connection).await.map_err(failed("read", file))?;
        let status = ProjectionStatus { position: checkpoint.position, stopped: None };
        Ok(Self {
            file: file.into(),
            store,
            partition,
            connection,
            checkpoint,
            lanes,
            status: watch::Sender::new(status),
        })
    }

    pub(crate) fn position(&self) -> Position {
        self.checkpoint.position
    }

    /// Projects one batch, where there is one; waits for one, if told to.
    pub(crate) async fn step(&mut self, waits: bool) -> Result<(), ProjectError> {
        let after = self.checkpoint.position;
        let events = if waits {
            self.store.follow(self.partition, after)?.next(BATCH_EVENTS_MAX).await?
        } else {
            self.store.read(self.partition, after, BATCH_EVENTS_MAX).await?
        };
        self.project(&events).await
    }

    async fn project(&mut self, events: &[RecordedEvent]) -> Result<(), ProjectError> {
        let Some(last) = events.last() else { return Ok(()) };
        let rows = match Rows::of(self.store.log_id(), &self.lanes, events) {
            Ok(rows) => rows,
            Err(ProjectError::Unapplicable { place, why }) => {
                return self.stop_at(place, why, events).await;
            }
            Err(error) => return Err(error),
        };
        let next = Checkpoint::at(last);
        if self.commit(&rows, next).await.map_err(failed("write to", &self.file))? {
            self.checkpoint = next;
            self.lanes.extend(rows.lanes);
            self.status.send_modify(|status| {
                status.position = next.position;
                status.stopped = None;
            });
            Ok(())
        } else {
            self.reread().await
        }
    }

    /// Rows and checkpoint, in one transaction; false where somebody else projected meanwhile.
    async fn commit(&mut self, rows: &Rows, next: Checkpoint) -> Result<bool, sqlx::Error> {
        let mut transaction = self.connection.begin_with("begin immediate").await?;
        // First, so that nothing is written for a batch that another has written.
        if !self.checkpoint.move_to(next, &mut transaction, self.partition).await? {
            transaction.rollback().await?;
            return Ok(false);
        }
        write(&mut transaction, rows).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Projects what stands before the event that can't be applied, and notes where and why it
    /// stops.
    async fn stop_at(
        &mut self,
        place: Place,
        why: String,
        events: &[RecordedEvent],
    ) -> Result<(), ProjectError> {
        let before = events.iter().position(|event| event.place == place).unwrap_or_default();
        if let Some(events) = events.get(..before)
            && !events.is_empty()
        {
            Box::pin(self.project(events)).await?;
        }
        note_stop(&mut self.connection, place, &why)
            .await
            .map_err(failed("write to", &self.file))?;
        Err(ProjectError::Unapplicable { place, why })
    }

    /// Begins anew on a new connection, as after a start. SQLite ends a transaction by itself when
    /// the disk is full, and the old connection would count it as open for ever.
    pub(crate) async fn reopen(&mut self) -> Result<(), ProjectError> {
        self.connection = connect(&self.file).await?;
        self.reread().await
    }

    /// Goes on from where the tables stand: after a rebuild, or beside another projector.
    async fn reread(&mut self) -> Result<(), ProjectError> {
        let Self { connection, file, store, partition, .. } = self;
        self.checkpoint = Checkpoint::verified(connection, file, store, *partition).await?;
        self.lanes = read_lanes(connection).await.map_err(failed("read", file))?;
        let position = self.checkpoint.position;
        self.status.send_modify(|status| status.position = position);
        Ok(())
    }

    pub(crate) async fn close(self) -> Result<(), ProjectError> {
        self.connection.close().await.map_err(failed("close", &self.file))
    }
}

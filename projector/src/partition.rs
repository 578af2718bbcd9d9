//! The projection of one partition: read a batch, add it up, write rows and checkpoint.

use std::path::{Path, PathBuf};

use event_store::{EventStore, READ_EVENTS_MAX};
use log_record::{Partition, Place, Position, RecordedEvent};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::watch;

use crate::ProjectError;
use crate::checkpoint::{Checkpoint, note_stop};
use crate::database::{connect, failed};
use crate::rows::{Lanes, Rows};
use crate::write::{read_lanes, write};

/// The most events in a batch: a quarter of a second of work. A projector that keeps up takes what
/// is there and never as many; one that is behind writes each page once for more of its rows.
pub(crate) const BATCH_EVENTS_MAX: usize = READ_EVENTS_MAX;

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
    /// Away while a batch is written, and gone for good if that panicked.
    connection: Option<Connection>,
    checkpoint: Checkpoint,
    lanes: Lanes,
    pub(crate) status: watch::Sender<ProjectionStatus>,
}

/// How writing a batch ended.
enum Written {
    Moved,
    /// Somebody else has projected meanwhile.
    Overtaken,
}

impl PartitionProjection {
    pub(crate) async fn open(
        file: &Path,
        store: EventStore,
        partition: Partition,
    ) -> Result<Self, ProjectError> {
        let (connection, checkpoint, lanes) = tables(file, &store, partition).await?;
        let status = ProjectionStatus { position: checkpoint.position, stopped: None };
        let status = watch::Sender::new(status);
        let connection = Some(connection);
        Ok(Self { file: file.into(), store, partition, connection, checkpoint, lanes, status })
    }

    pub(crate) fn position(&self) -> Position {
        self.checkpoint.position
    }

    /// The next events, once there are any. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Vec<RecordedEvent>, ProjectError> {
        let mut follower = self.store.follow(self.partition, self.checkpoint.position)?;
        Ok(follower.next(BATCH_EVENTS_MAX).await?)
    }

    /// The next events, which may be none.
    pub(crate) async fn rest(&mut self) -> Result<Vec<RecordedEvent>, ProjectError> {
        Ok(self.store.read(self.partition, self.checkpoint.position, BATCH_EVENTS_MAX).await?)
    }

    /// Brings a batch that follows the checkpoint into the tables.
    pub(crate) async fn project(&mut self, events: Vec<RecordedEvent>) -> Result<(), ProjectError> {
        let Some(next) = events.last().map(Checkpoint::at) else { return Ok(()) };
        let mut rows = match Rows::of(self.store.log_id(), &self.lanes, &events) {
            Ok(rows) => rows,
            Err(ProjectError::Unapplicable { place, why }) => {
                return self.stop_at(place, why, events).await;
            }
            Err(error) => return Err(error),
        };
        let lanes = rows.lanes.clone();
        let (from, partition) = (self.checkpoint, self.partition);
        let written = self
            .on_connection(move |connection| commit(connection, partition, from, next, &mut rows));
        match written.await.map_err(|error| unapplicable(error, &events))? {
            Written::Moved => {
                self.checkpoint = next;
                self.lanes.extend(lanes);
                self.status.send_modify(|status| {
                    status.position = next.position;
                    status.stopped = None;
                });
                Ok(())
            }
            Written::Overtaken => self.reopen().await,
        }
    }

    /// Projects what stands before the event that can't be applied, and notes where and why it
    /// stops.
    async fn stop_at(
        &mut self,
        place: Place,
        why: String,
        mut events: Vec<RecordedEvent>,
    ) -> Result<(), ProjectError> {
        events.truncate(events.iter().position(|event| event.place == place).unwrap_or_default());
        Box::pin(self.project(events)).await?;
        let noted = why.clone();
        self.on_connection(move |connection| note_stop(connection, place, &noted)).await?;
        Err(ProjectError::Unapplicable { place, why })
    }

    /// Begins anew from where the tables stand, as at a start: after a rebuild, beside another
    /// projector, or after an error. (SQLite ends a transaction by itself when the disk is full;
    /// a new connection knows of none.)
    pub(crate) async fn reopen(&mut self) -> Result<(), ProjectError> {
        self.connection = None;
        let (connection, checkpoint, lanes) =
            tables(&self.file, &self.store, self.partition).await?;
        (self.connection, self.checkpoint, self.lanes) = (Some(connection), checkpoint, lanes);
        self.status.send_modify(|status| status.position = checkpoint.position);
        Ok(())
    }

    /// Runs on a thread that may wait for the disk.
    async fn on_connection<T: Send + 'static>(
        &mut self,
        job: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ProjectError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.file)?,
        };
        let ran = tokio::task::spawn_blocking(move || {
            let done = job(&mut connection);
            (connection, done)
        });
        let (connection, done) =
            ran.await.map_err(|error| failed("write to", &self.file, error))?;
        self.connection = Some(connection);
        done.map_err(|error| failed("write to", &self.file, error))
    }
}

/// Rows that break a rule of the tables come of events that can't be applied; no further try will
/// change that.
fn unapplicable(error: ProjectError, events: &[RecordedEvent]) -> ProjectError {
    let ProjectError::Database { source, .. } = &error else { return error };
    let code = source.downcast_ref().and_then(rusqlite::Error::sqlite_error_code);
    match (code, events.first(), events.last()) {
        (Some(ErrorCode::ConstraintViolation), Some(first), Some(last)) => {
            let why = format!(
                "an event from there to {} breaks a rule of the read tables: {source}",
                last.place
            );
            ProjectError::Unapplicable { place: first.place, why }
        }
        _ => error,
    }
}

async fn tables(
    file: &Path,
    store: &EventStore,
    partition: Partition,
) -> Result<(Connection, Checkpoint, Lanes), ProjectError> {
    let reading = |error| failed("read", file, error);
    let connection = connect(file)?;
    let (of, checkpoint) =
        Checkpoint::read(&connection, partition, store.log_id()).map_err(reading)?;
    let lanes = read_lanes(&connection).map_err(reading)?;
    let checkpoint = checkpoint.verify(of, file, store, partition).await?;
    Ok((connection, checkpoint, lanes))
}

/// Rows and checkpoint, in one transaction.
fn commit(
    connection: &mut Connection,
    partition: Partition,
    from: Checkpoint,
    next: Checkpoint,
    rows: &mut Rows,
) -> rusqlite::Result<Written> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // First, so that nothing is written for a batch that another has written.
    if !from.move_to(next, rows.clock, &transaction, partition)? {
        return Ok(Written::Overtaken);
    }
    write(&transaction, partition.0, rows)?;
    transaction.commit()?;
    Ok(Written::Moved)
}

//! Whether the log still has the event of a checkpoint.

use event_store::EventStore;
use log_record::{LogId, Partition, Place, Position};
use read_model::{Checkpoint, ReadModelError, ReadModelUrl};

use crate::ProjectError;

/// Checks that a checkpoint, of log `of`, is of the log's own history.
pub(crate) async fn verify(
    checkpoint: Checkpoint,
    of: LogId,
    at: &ReadModelUrl,
    store: &EventStore,
    partition: Partition,
) -> Result<Checkpoint, ProjectError> {
    if of != store.log_id() {
        return Err(ReadModelError::OtherLog { at: at.clone(), of, log: store.log_id() }.into());
    }
    let Checkpoint { position, generation, .. } = checkpoint;
    let head = store.head_past(partition, position).await?.position;
    let place = Place { partition, position };
    let forked = || ProjectError::Forked { at: at.clone(), place, generation, head };
    if position > head {
        return Err(forked());
    }
    if position > Position::START && Checkpoint::at(&store.read_one(place).await?) != checkpoint {
        return Err(forked());
    }
    Ok(checkpoint)
}

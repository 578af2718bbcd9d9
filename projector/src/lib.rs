//! PROJECT: the log to read tables and shipping requests.
//!
//! It knows nothing of HTTP and Kafka, and decides nothing. In reading order:
//! - [`Projector`]: follows the log; a batch's rows and the checkpoint move in one transaction
//! - `batch`: events on their way to rows, read in pages; large batches where it is behind
//! - `senders`: a receipt comes into the tables after what was sent
//! - `rows`: what a batch of events adds up to, a row for each key
//! - `write`: the tables of either database, to write those rows and the checkpoint
//! - `checkpoint`: whether the log still has the event of a checkpoint
//! - `traces`: the spans of a batch
//! - [`rewrite_erased()`]: other files, without the bytes of what was erased
//! - [`rebuild()`]: all of it anew, beside the live tables
//! - [`reconcile()`]: the live tables compared with what the log gives
//! - [`Past`]: the tables of a few events, in memory, as they were at a time
//!
//! The tables themselves, and how they are read, are in the crate `read-model`.

mod batch;
mod checkpoint;
mod erased;
mod error;
mod holders;
mod metrics;
mod partition;
mod past;
mod projector;
mod rebuild;
mod reconcile;
mod rows;
mod senders;
mod traces;
mod write;

use event_store::EventStore;
use read_model::ReadModelUrl;

pub use erased::{remove_shadow, rewrite_erased};
pub use error::ProjectError;
pub use metrics::ProjectorMetrics;
pub use partition::{ProjectionStatus, ProjectionStop};
pub use past::Past;
pub use projector::Projector;
pub use rebuild::{rebuild, rebuild_watched};
pub use reconcile::{
    Balance, Disagreement, Folded, NAMED_MAX, Reconciled, RowDifference, RowDifferenceKind, Share,
    TableDigest, Told, fold_and_compare, reconcile,
};

/// Checks that the read model at `url`, where there is one, was made of this log, and that the log
/// still has what was projected.
pub async fn check(url: &ReadModelUrl, store: &EventStore) -> Result<(), ProjectError> {
    match url {
        ReadModelUrl::Sqlite(file) if !file.exists() => Ok(()),
        _ => {
            Projector::open(url, store.clone()).await?.close().await;
            Ok(())
        }
    }
}

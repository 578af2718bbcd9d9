//! PROJECT: the log to read tables and shipping requests.
//!
//! It knows nothing of HTTP and Kafka, and decides nothing. In reading order:
//! - [`Projector`]: follows the log; a batch's rows and the checkpoint move in one transaction
//! - `rows`: what a batch of events adds up to, a row for each key
//! - `write`: those rows, one statement for each table
//! - `checkpoint`: where each partition stands, and whether the log is still the same
//! - `lane`: in which line a shipping request stands
//! - [`ReadModel`]: the reading side, and waiting for a position
//! - [`rebuild()`]: all of it anew, beside the live tables

mod checkpoint;
mod database;
mod dump;
mod error;
mod lane;
mod partition;
mod projector;
mod read_model;
mod rebuild;
mod rows;
mod write;

pub use dump::dump;
pub use error::ProjectError;
pub use lane::{LANE_SLOTS, lane};
pub use partition::ProjectionStatus;
pub use projector::Projector;
pub use read_model::{Behind, ReadModel};
pub use rebuild::rebuild;
pub use rows::NEVER;

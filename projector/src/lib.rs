//! PROJECT: the log to read tables and shipping requests.
//!
//! It knows nothing of HTTP and Kafka, and decides nothing. In reading order:
//! - [`Projector`]: follows the log; a batch's rows and the checkpoint move in one transaction
//! - `rows`: what a batch of events adds up to, a row for each key
//! - `write`: the tables of either database, to write those rows and the checkpoint
//! - `checkpoint`: where each partition stands, and whether the log is still the same
//! - `lane`: in which line a shipping request stands
//! - [`ShippingMessage`]: what warehouses are asked and told, to be carried to them
//! - [`Changes`]: what a batch touched, for those who keep what they have read
//! - [`ReadModel`]: the reading side, and waiting for a position
//! - [`rebuild()`]: all of it anew, beside the live tables

mod changes;
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
mod shipping_status;
mod shipping_stream;
mod url;
mod write;

pub use changes::Changes;
pub use dump::dump;
pub use error::ProjectError;
pub use lane::{LANE_SLOTS, lane};
pub use partition::ProjectionStatus;
pub use projector::Projector;
pub use read_model::{
    Argument, AsOf, Glance, Query, ReadError, ReadModel, Reading, RowOf, ServerStatus,
};
pub use rebuild::rebuild;
pub use rows::NEVER;
pub use shipping_status::ShippingStatus;
pub use shipping_stream::{MessageKind, RequestProgress, ShippingMessage, shipping_id};
pub use url::{ReadModelUrl, ReadModelUrlError};

/// Checks that the read model at `url`, where there is one, was made of this log, and that the log
/// still has what was projected.
pub async fn check(
    url: &ReadModelUrl,
    store: &event_store::EventStore,
) -> Result<(), ProjectError> {
    match url {
        ReadModelUrl::Sqlite(file) if !file.exists() => Ok(()),
        _ => Projector::open(url, store.clone()).await.map(drop),
    }
}

/// Brings the read tables' schema up to date, and makes it where there is none.
pub async fn migrate(url: &ReadModelUrl) -> Result<(), ProjectError> {
    database::migrate(url, write::Side::Live).await
}

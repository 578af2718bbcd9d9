//! The publisher's own tables. No rebuild of the read model touches them.
//!
//! Only the lease's holder writes how far messages were sent: each such write is conditional on the
//! lease's epoch, so a publisher that lost the lease without noticing changes nothing. Operators'
//! requests and parked messages may be written by any publisher.
//!
//! - `store`: [`State`](store::State), the lease, and the transactions that need it
//! - `checkpoint`: how far feeds, lanes and topic partitions are acknowledged
//! - `unaccepted`: requests that no warehouse accepted in time
//! - `parked`: inbound messages that can't be used; `inbound`: how far inbound topics are read
//! - `database`: the SQLite file or PostgreSQL schema under them

pub(crate) mod checkpoint;
mod database;
mod erased;
pub(crate) mod error;
mod inbound;
pub(crate) mod parked;
pub(crate) mod store;
#[cfg(test)]
mod tests;
pub(crate) mod unaccepted;

pub use database::{StateUrl, migrate_state};
pub use erased::{ParkedAbout, erase_parked, parked_about};
pub use store::has_state;

//! APPEND: the log, and the stores that keep it.
//!
//! It knows nothing of what an event means. A log is a number of partitions, each a sequence of
//! events with dense positions 1, 2, 3 … and one writer at a time. What every store promises is
//! listed at [`EventStore`], and `tests/it/contract.rs` holds each to it.
//!
//! In reading order: [`EventStore`] (what can be done with a log), [`Append`] (one append and how
//! it ends), [`StoreError`] (what can go wrong), [`Follower`] (reading on), then the stores:
//! [`MemoryStore`] (the plainest), [`SqliteStore`], [`PostgresStore`] and, with the feature
//! `kurrent`, the one in KurrentDB.

mod api_key;
mod append;
mod archive;
mod behind;
mod check;
mod code_key;
mod disk;
mod erasure;
mod error;
mod follow;
mod followed;
mod heads;
mod import_state;
#[cfg(feature = "kurrent")]
mod kurrent;
mod limit;
mod mark;
mod memory;
mod message_check;
mod messages;
mod postgres;
mod read_public;
mod recent;
mod sqlite;
mod store;
mod switch;
mod unrecorded_calls;
mod url;

pub use api_key::{ApiKeyChange, ApiKeyRow};
pub use append::{Append, AppendError, Landed, Unlanded};
pub use archive::{ArchiveFolder, ArchivedRange, MEMBER_EVENTS};
pub use behind::Behind;
pub use code_key::CodeKey;
pub use disk::{Owner, free_bytes, replace_json};
pub use erasure::Erasure;
pub use error::{StoreError, with_causes};
pub use follow::Follower;
pub use followed::Followed;
pub use import_state::ImportState;
#[cfg(feature = "kurrent")]
pub use kurrent::{KurrentStore, KurrentUrl, KurrentUrlError, StreamError};
pub use limit::AppendLimit;
pub use mark::{MarkChange, MarkRow};
pub use memory::{Fault, MemoryStore};
pub use message_check::MessageCheck;
pub use postgres::PostgresStore;
pub use sqlite::SqliteStore;
pub use store::{Access, EventStore, NewLog, READ_EVENTS_MAX};
pub use switch::{SwitchChange, SwitchTurnRow};
pub use url::{StoreUrl, StoreUrlError};

//! PUBLISH: shipping requests to Kafka, and the warehouses' answers back to the command API.
//!
//! It is the only Kafka client of the ledger, and knows nothing of the log's tables and of rules.
//! `docs/decisions/0013-how-shipping-is-published.md` says what it promises. In reading order:
//! - [`Publisher`]: takes the lease, and while it has it, runs the rest
//! - `feed`: one warehouse's messages on their way; `lane`: what is acknowledged of one line of them
//! - `topic`: how safe the topic is, and whether it holds what it acknowledged
//! - `state`: what has to be remembered, in tables that no rebuild touches
//! - `kafka`: the one place that knows rdkafka

#![expect(dead_code, unused_imports, reason = "sending again and what comes in follow")]

mod ends;
mod error;
mod feed;
mod feeds;
mod kafka;
mod lane;
mod message;
mod pace;
mod producers;
mod publisher;
mod session;
mod state;
mod status;
mod stream;
mod topic;

pub use error::PublishError;
pub use kafka::{Brokers, KafkaRefused};
pub use pace::WarehouseRate;
pub use publisher::{Publisher, PublisherConfig};
pub use state::{StateError, StateUrl, migrate_state};

pub(crate) use error::with_causes;

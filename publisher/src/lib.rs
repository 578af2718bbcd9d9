//! PUBLISH: shipping requests to Kafka, and the warehouses' answers back to the command API.
//!
//! It is the only Kafka client of the ledger, and knows nothing of the log's tables and of rules.
//! `docs/decisions/0013-how-shipping-is-published.md` says what it promises. In reading order:
//! - [`Publisher`]: takes the lease, and while it has it, runs the rest
//! - `feed`: one warehouse's messages on their way; `lane`: what is acknowledged of one line
//! - `topic`: how safe the topic is, and whether it holds what it acknowledged
//! - `resend`: again until it is accepted; `replay`: once more, elsewhere
//! - `inbound`: what comes in, which `command_api` asks for; `state::parked`: what can't be used
//! - [`router()`]: what operators see and do
//! - `state`: what has to be remembered, in tables that no rebuild touches
//! - `kafka`: the one place that knows rdkafka

mod clock;
mod command_api;
mod continuation;
mod ends;
mod error;
mod feed;
mod feeds;
mod inbound;
mod kafka;
mod lane;
mod message;
mod metrics;
mod overdue;
mod pace;
mod parked;
mod producers;
mod publisher;
mod replay;
mod resend;
mod router;
mod session;
mod state;
mod status;
mod stream;
mod topic;

pub use command_api::CommandApiAt;
pub use error::PublishError;
pub use inbound::WayIn;
pub use kafka::{Brokers, KafkaRefused};
pub use pace::WarehouseRate;
pub use publisher::{Publisher, PublisherConfig};
pub use resend::Patience;
pub use router::{PROBLEM_PAGES, PublisherApi, router};
pub use state::{StateError, StateUrl, migrate_state};
pub use status::Health;

pub(crate) use error::with_causes;

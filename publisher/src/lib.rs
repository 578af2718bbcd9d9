//! PUBLISH: shipping requests to Kafka, and the warehouses' answers back to the command API.
//!
//! It is the ledger's only Kafka client, and knows neither the log's tables nor the ledger's rules.
//! `docs/SHIPPING.md` is the contract with the warehouses. The rooms, each of which uses only those
//! under it:
//! - `operator`: the routes by which operators watch and correct the publisher; `metrics`
//! - [`reconcile_messages()`]: whether Kafka has what warehouses are asked for, and nothing else
//! - [`Publisher`]: takes the lease, and while it holds it, runs the two rooms below
//! - [`publish_checkpoints`]: the transparency log's checkpoints to a topic; it needs no lease
//! - `outbound`: shipping messages to Kafka; `inbound`: Kafka's messages to the command API
//! - `state`: the publisher's own tables, which no rebuild touches
//! - `kafka`: the Kafka client, and the only folder that knows rdkafka
//! - `lane_name`, `clock`, `causes`: names, time, and errors in one line

mod activity;
mod causes;
mod checkpoints;
mod clock;
mod error;
mod inbound;
mod kafka;
mod lane_name;
mod metrics;
mod operator;
mod outbound;
mod publisher;
mod reconcile;
mod state;

pub use checkpoints::{CheckpointTopic, Checkpoints, Compared, publish_checkpoints};
pub use error::{ForkSign, PublishError};
pub use inbound::command_api::CommandApiAt;
pub use inbound::way_in::WayIn;
pub use kafka::brokers::{Brokers, KafkaRefused};
pub use kafka::topic::{TopicError, is_topic_name};
pub use metrics::PublisherMetrics;
pub use operator::api::PublisherApi;
pub use operator::health::Health;
pub use operator::problems::PROBLEM_PAGES;
pub use operator::router::routes;
pub use outbound::pace::WarehouseRate;
pub use outbound::resend_policy::ResendPolicy;
pub use publisher::{PublishedLog, Publisher, PublisherConfig};
pub use reconcile::{
    MessageDifference, MessageDifferenceKind, ReconciledMessages, reconcile_messages,
};
pub use state::error::StateError;
pub use state::{ParkedAbout, StateUrl, erase_parked, has_state, migrate_state, parked_about};

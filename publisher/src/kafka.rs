//! The Kafka client. No other folder knows rdkafka.
//!
//! - `brokers`: where the brokers are, and why they refuse
//! - `producer`: sends, and reports by `outcomes` what became of the messages; `send_trace` traces
//!   some of them
//! - `consumer`: receives, and commits offsets; `reader` chooses where it begins, by
//!   `starting_point`; `reading` counts what is lost or read again
//! - `last_messages`: reads the end of a topic again
//! - `topic_admin`: asks the brokers about topics, and creates them
//! - `topic`: whether a topic can be used, and how safe its settings are
//! - `acknowledged`: which offsets a topic acknowledged, and whether it lost any

pub(crate) mod acknowledged;
pub(crate) mod brokers;
pub(crate) mod consumer;
mod diagnosis;
mod faults;
pub(crate) mod last_messages;
pub(crate) mod outcomes;
pub(crate) mod producer;
pub(crate) mod reader;
pub(crate) mod reading;
pub(crate) mod send_trace;
mod starting_point;
pub(crate) mod topic;
pub(crate) mod topic_admin;
pub(crate) mod topic_partition;
mod weakness;

//! From Kafka to the command API: the warehouses' answers, and what shoppers earn.
//!
//! In reading order:
//! - `way_in`: which topics come in, and to which command API
//! - `call`: a message as a request to the command API
//! - `command_api`: sends that request, in this process or over HTTP
//! - `take_in`: takes in one topic; `queues` and `worker`: the messages of some keys, in order
//! - `read_offsets`: which messages are done; `waiting`: which wait for the command API

pub(crate) mod call;
pub(crate) mod command_api;
mod queues;
mod read_offsets;
pub(crate) mod take_in;
pub(crate) mod waiting;
pub(crate) mod way_in;
mod worker;

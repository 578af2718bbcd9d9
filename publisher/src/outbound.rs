//! From the read model to Kafka: each warehouse's shipping messages, in order, until accepted.
//!
//! In reading order:
//! - `stream`: the shipping messages as the read model has them; `ends`: what is new
//! - `message`: a message as it was read; `encoded`: as it goes to Kafka; `pace`: how fast a
//!   warehouse is fed
//! - `lane`: what is in flight and acknowledged of one lane; `lanes`: those of one feed
//! - `read_ahead`, `in_flight`, `feed_checkpoint`: the parts of a feed; `feed`: one warehouse's
//!   feed
//! - `resume`: what has to be verified and gone back to before a feed starts
//! - `feeds`: a feed for each warehouse; `resend`: requests that no warehouse accepted
//! - `replay`: messages sent once more, to a topic of their own
//! - `progress`: how far each feed is; `session`: what all of this shares

mod encoded;
pub(crate) mod ends;
mod feed;
mod feed_checkpoint;
pub(crate) mod feeds;
mod in_flight;
pub(crate) mod lane;
mod lanes;
pub(crate) mod message;
pub(crate) mod pace;
pub(crate) mod producers;
pub(crate) mod progress;
mod read_ahead;
pub(crate) mod replay;
mod resend;
pub(crate) mod resend_policy;
mod resume;
pub(crate) mod session;
pub(crate) mod stream;

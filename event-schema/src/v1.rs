//! Version 1 of every event's public text: one struct for each, by noun, with the names in the log.
//!
//! A struct here and its struct in `domain` are mapped by naming every field, so that a field that
//! is added to one of them breaks the build until it is mapped. Writing borrows from the domain's
//! event; reading owns what it read.

pub(crate) mod account;
mod cap;
pub(crate) mod code;
pub(crate) mod conversion;
pub(crate) mod counts;
pub(crate) mod credit;
pub(crate) mod exchange;
pub(crate) mod hold;
pub(crate) mod ladder;
mod limit;
pub(crate) mod log;
pub(crate) mod merger;
pub(crate) mod message;
pub(crate) mod offer;
mod part;
pub(crate) mod programme;
pub(crate) mod purchase;
pub(crate) mod seal;
pub(crate) mod segment;
pub(crate) mod shipment;
pub(crate) mod stock;
pub(crate) mod switch;
pub(crate) mod unit;
pub(crate) mod wait;
pub(crate) mod withdrawal;

use std::borrow::Cow;

use domain::{CancellationId, ExchangeId};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

pub(crate) use part::is_false;

/// The log also has ids that no client may use: `~rejected`.
fn recorded_cancellation<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Cow<'static, CancellationId>, D::Error> {
    let text = Box::<str>::deserialize(deserializer)?;
    CancellationId::from_recorded(text).map(Cow::Owned).map_err(D::Error::custom)
}

/// Likewise of an exchange for which units are asked: a reservation's.
fn recorded_exchange<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Cow<'static, ExchangeId>, D::Error> {
    let text = Box::<str>::deserialize(deserializer)?;
    ExchangeId::from_recorded(text).map(Cow::Owned).map_err(D::Error::custom)
}

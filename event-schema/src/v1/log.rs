//! The log's opening, a fork of its history, and its clock.

use std::borrow::Cow;

use domain::{Clock, Timestamp};
use serde::{Deserialize, Serialize};

/// `log-opened`.
#[derive(Serialize, Deserialize)]
pub(crate) struct LogOpened<'a> {
    /// A UUID.
    log_id: Cow<'a, str>,
    partitions: u16,
    /// `wall` or `commands`.
    clock: Clock,
}

impl<'a> From<&'a domain::LogOpened> for LogOpened<'a> {
    fn from(fact: &'a domain::LogOpened) -> Self {
        let domain::LogOpened { log_id, partitions, clock } = fact;
        Self { log_id: Cow::Borrowed(&**log_id), partitions: *partitions, clock: *clock }
    }
}

impl From<LogOpened<'_>> for domain::LogOpened {
    fn from(stored: LogOpened<'_>) -> Self {
        let LogOpened { log_id, partitions, clock } = stored;
        Self { log_id: log_id.into_owned().into(), partitions, clock }
    }
}

/// `log-forked`.
#[derive(Serialize, Deserialize)]
pub(crate) struct LogForked<'a> {
    generation: u32,
    reason: Cow<'a, str>,
}

impl<'a> From<&'a domain::LogForked> for LogForked<'a> {
    fn from(fact: &'a domain::LogForked) -> Self {
        let domain::LogForked { generation, reason } = fact;
        Self { generation: *generation, reason: Cow::Borrowed(&**reason) }
    }
}

impl From<LogForked<'_>> for domain::LogForked {
    fn from(stored: LogForked<'_>) -> Self {
        let LogForked { generation, reason } = stored;
        Self { generation, reason: reason.into_owned().into() }
    }
}

/// `clock-doubted`.
#[derive(Serialize, Deserialize)]
pub(crate) struct ClockDoubted<'a> {
    wall: Timestamp,
    why: Cow<'a, str>,
}

impl<'a> From<&'a domain::ClockDoubted> for ClockDoubted<'a> {
    fn from(fact: &'a domain::ClockDoubted) -> Self {
        let domain::ClockDoubted { wall, why } = fact;
        Self { wall: *wall, why: Cow::Borrowed(&**why) }
    }
}

impl From<ClockDoubted<'_>> for domain::ClockDoubted {
    fn from(stored: ClockDoubted<'_>) -> Self {
        let ClockDoubted { wall, why } = stored;
        Self { wall, why: why.into_owned().into() }
    }
}

/// `clock-confirmed`.
#[derive(Serialize, Deserialize)]
pub(crate) struct ClockConfirmed {
    wall: Timestamp,
}

impl From<&domain::ClockConfirmed> for ClockConfirmed {
    fn from(fact: &domain::ClockConfirmed) -> Self {
        let domain::ClockConfirmed { wall } = fact;
        Self { wall: *wall }
    }
}

impl From<ClockConfirmed> for domain::ClockConfirmed {
    fn from(stored: ClockConfirmed) -> Self {
        let ClockConfirmed { wall } = stored;
        Self { wall }
    }
}

//! Who waits for a unit of an offer that is sold out.

use std::borrow::Cow;

use domain::{OfferId, Timestamp, WaitEnd, WaitId};
use serde::{Deserialize, Serialize};

use super::part::is_false;

/// `wait-begun`.
#[derive(Serialize, Deserialize)]
pub(crate) struct WaitBegun<'a> {
    wait_id: Cow<'a, WaitId>,
    offer_id: Cow<'a, OfferId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::WaitBegun> for WaitBegun<'a> {
    fn from(fact: &'a domain::WaitBegun) -> Self {
        let domain::WaitBegun { wait_id, offer_id, occurred_at } = fact;
        Self {
            wait_id: Cow::Borrowed(wait_id),
            offer_id: Cow::Borrowed(offer_id),
            occurred_at: *occurred_at,
        }
    }
}

impl From<WaitBegun<'_>> for domain::WaitBegun {
    fn from(stored: WaitBegun<'_>) -> Self {
        let WaitBegun { wait_id, offer_id, occurred_at } = stored;
        Self { wait_id: wait_id.into_owned(), offer_id: offer_id.into_owned(), occurred_at }
    }
}

/// `wait-served`.
#[derive(Serialize, Deserialize)]
pub(crate) struct WaitServed<'a> {
    wait_id: Cow<'a, WaitId>,
    offer_id: Cow<'a, OfferId>,
    deadline: Timestamp,
    /// Missing unless the unit was kept before.
    #[serde(default, skip_serializing_if = "is_false")]
    again: bool,
}

impl<'a> From<&'a domain::WaitServed> for WaitServed<'a> {
    fn from(fact: &'a domain::WaitServed) -> Self {
        let domain::WaitServed { wait_id, offer_id, deadline, again } = fact;
        Self {
            wait_id: Cow::Borrowed(wait_id),
            offer_id: Cow::Borrowed(offer_id),
            deadline: *deadline,
            again: *again,
        }
    }
}

impl From<WaitServed<'_>> for domain::WaitServed {
    fn from(stored: WaitServed<'_>) -> Self {
        let WaitServed { wait_id, offer_id, deadline, again } = stored;
        Self { wait_id: wait_id.into_owned(), offer_id: offer_id.into_owned(), deadline, again }
    }
}

/// `wait-ended`.
#[derive(Serialize, Deserialize)]
pub(crate) struct WaitEnded<'a> {
    wait_id: Cow<'a, WaitId>,
    offer_id: Cow<'a, OfferId>,
    /// `taken`, `left`, `lapsed` or `closed`.
    reason: WaitEnd,
    /// Whether a unit was kept.
    #[serde(default, skip_serializing_if = "is_false")]
    served: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::WaitEnded> for WaitEnded<'a> {
    fn from(fact: &'a domain::WaitEnded) -> Self {
        let domain::WaitEnded { wait_id, offer_id, reason, served, occurred_at } = fact;
        Self {
            wait_id: Cow::Borrowed(wait_id),
            offer_id: Cow::Borrowed(offer_id),
            reason: *reason,
            served: *served,
            occurred_at: *occurred_at,
        }
    }
}

impl From<WaitEnded<'_>> for domain::WaitEnded {
    fn from(stored: WaitEnded<'_>) -> Self {
        let WaitEnded { wait_id, offer_id, reason, served, occurred_at } = stored;
        let (wait_id, offer_id) = (wait_id.into_owned(), offer_id.into_owned());
        Self { wait_id, offer_id, reason, served, occurred_at }
    }
}

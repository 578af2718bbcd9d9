//! An offer that stands still for a while, and an account that comes into a segment.

use domain::{Event, OfferPaused, OfferResumed, SegmentSet};

use super::account;
use crate::ledger::id;

/// From position 71 on.
pub(super) fn events() -> Vec<Event> {
    let (offer_id, resumption_id) = (id("mug"), id("r-1"));
    let staff = SegmentSet { segment: id("staff"), member: true, occurred_at: None };
    vec![
        Event::OfferPaused(OfferPaused { offer_id: id("mug"), version: 6 }),
        Event::OfferResumed(OfferResumed { offer_id, resumption_id, version: 7 }),
        Event::SegmentSet(account("ann"), staff),
    ]
}

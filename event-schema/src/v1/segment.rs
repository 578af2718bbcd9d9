//! The segments that accounts are in.

use domain::{SegmentId, Timestamp};
use serde::{Deserialize, Serialize};

/// `segment-set`.
#[derive(Serialize, Deserialize)]
pub(crate) struct SegmentSet {
    segment: SegmentId,
    member: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl From<&domain::SegmentSet> for SegmentSet {
    fn from(fact: &domain::SegmentSet) -> Self {
        let domain::SegmentSet { segment, member, occurred_at } = fact;
        Self { segment: *segment, member: *member, occurred_at: *occurred_at }
    }
}

impl From<SegmentSet> for domain::SegmentSet {
    fn from(stored: SegmentSet) -> Self {
        let SegmentSet { segment, member, occurred_at } = stored;
        Self { segment, member, occurred_at }
    }
}

//! Facts about the segments that accounts are in.

use crate::{SegmentId, Timestamp};

/// An account came into a segment, or left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentSet {
    /// The segment.
    pub segment: SegmentId,
    /// Whether the account is in it from now on.
    pub member: bool,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
}

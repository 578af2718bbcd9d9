//! Segments: labels that a merchant sets on accounts.

use domain::{AccountId, SegmentId, Timestamp};
use log_record::Place;
use serde::{Deserialize, Serialize};

/// `PUT /v1/accounts/{account_id}/segments/{segment}`: puts an account into a segment, or takes it
/// out.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetSegmentBody {
    /// Whether the account is in the segment from now on.
    pub member: bool,
    /// When it happened, according to the caller; kept as information.
    pub occurred_at: Option<Timestamp>,
}

/// Whether an account is in a segment, as it was said last.
#[derive(Clone, Debug, Serialize)]
pub struct SegmentBody {
    /// The account.
    pub account_id: AccountId,
    /// The segment.
    pub segment: SegmentId,
    /// Whether the account is in it.
    pub member: bool,
    /// The position of the event `segment-set` that said so. The ETag begins with its number.
    pub position: Place,
}

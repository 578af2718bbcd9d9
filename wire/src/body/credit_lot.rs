//! Lots of credit, and parts of them.

use domain::{LotId, Points, Timestamp};
use serde::Serialize;

/// Some points of a lot.
#[derive(Clone, Debug, Serialize)]
pub struct LotPartBody {
    /// The lot: the place of the event that made it.
    pub lot: LotId,
    /// The points of this part.
    pub points: Points,
    /// They can be spent before this time; without it, for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// `true` where `expires_at` is a period of grace; left out where it isn't.
    #[serde(skip_serializing_if = "is_false")]
    pub graced: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's own signature")]
pub(super) const fn is_false(value: &bool) -> bool {
    !*value
}

//! Segments: labels that a merchant sets on accounts, and that an offer may be for.

use crate::short_id::short_id;

short_id! {
    /// A label of accounts. It is public: it names no person.
    SegmentId
}

/// How many labels an account ever has at most, those included that it lost.
pub(crate) const SEGMENTS_OF_ACCOUNT_MAX: usize = 100;

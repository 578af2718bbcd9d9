//! Facts about ladders, and about the tiers that accounts have by them.

use serde::{Deserialize, Serialize};

use super::Note;
use crate::{Day, GrantId, LadderId, LadderTerms, Points, TierId, Timestamp};

/// A ladder was made or amended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LadderSet {
    /// The ladder.
    pub ladder: LadderId,
    /// The version that these terms are; the first is 1.
    pub version: u64,
    /// The terms from now on, whole.
    pub terms: LadderTerms,
}

/// What an account has earned on a ladder changed: it reached a tier, kept it for longer, or its
/// tier lapsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierChanged {
    /// The ladder.
    pub ladder: LadderId,
    /// The version of it that says so.
    pub version: u64,
    /// The tier from now on; without it, none: below the lowest level.
    pub tier: Option<TierId>,
    /// The tier before.
    pub before: Option<TierId>,
    /// What was counted for it.
    pub counted: Points,
    /// The first day of what was counted; without it, all time.
    pub counted_from: Option<Day>,
    /// It holds before then; without it, for ever.
    pub until: Option<Timestamp>,
}

/// An operator granted a tier for a time. It bears the grant's id and every field of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierGranted {
    /// The ladder.
    pub ladder: LadderId,
    /// The operator's id for it, unique within the account and the ladder.
    pub grant_id: GrantId,
    /// The tier.
    pub tier: TierId,
    /// It holds before then.
    pub until: Timestamp,
    /// The grant whose place it takes, where one was in force.
    pub replaces: Option<ReplacedGrant>,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
    /// Who, and why; private, and nothing once it has been erased.
    pub note: Note,
}

/// A grant that was in force until another took its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplacedGrant {
    /// The grant.
    pub grant_id: GrantId,
    /// Its tier.
    pub tier: TierId,
}

/// A grant is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierGrantEnded {
    /// The ladder.
    pub ladder: LadderId,
    /// The grant.
    pub grant_id: GrantId,
    /// Its tier.
    pub tier: TierId,
    /// By what it ended.
    pub ended: GrantEnd,
    /// When it happened, as the caller said; it informs and decides nothing.
    pub occurred_at: Option<Timestamp>,
    /// Who, and why; private, and nothing once it has been erased.
    pub note: Note,
}

/// By what a grant ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrantEnd {
    /// Its time was over.
    Until,
    /// An operator revoked it.
    Revoked,
}

impl GrantEnd {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Until => "until",
            Self::Revoked => "revoked",
        }
    }
}

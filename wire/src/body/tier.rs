//! Tiers: as terms name them, and those that accounts have.

use domain::{
    AccountId, Actor, GrantEnd, GrantId, LadderId, LadderTier, Reason, TierId, TierPrice,
    TierPrices, Timestamp,
};
use log_record::Place;
use serde::{Deserialize, Serialize};

use super::{PriceBody, PutPriceBody};
use crate::Object;

/// A tier of a ladder; where terms name it, they mean it or a higher one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LadderTierBody {
    /// The ladder.
    pub ladder: LadderId,
    /// Its tier.
    pub tier: TierId,
}

impl From<LadderTier> for LadderTierBody {
    fn from(tier: LadderTier) -> Self {
        let LadderTier { ladder, tier } = tier;
        Self { ladder, tier }
    }
}

impl From<LadderTierBody> for LadderTier {
    fn from(body: LadderTierBody) -> Self {
        let LadderTierBody { ladder, tier } = body;
        Self { ladder, tier }
    }
}

/// What one piece costs those who have a tier, as it is put.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutTierPriceBody {
    /// The tier: it, or a higher one.
    pub tier: Object<LadderTierBody>,
    /// The prices of one piece, 1 to 4 of them, in units that the offer costs everybody.
    pub prices: Vec<Object<PutPriceBody>>,
}

/// What one piece costs those who have a tier.
#[derive(Clone, Debug, Serialize)]
pub struct TierPriceBody {
    /// The tier: it, or a higher one.
    pub tier: LadderTierBody,
    /// The prices of one piece.
    pub prices: Vec<PriceBody>,
}

impl TierPriceBody {
    /// All prices by tier, in the offer's order.
    #[must_use]
    pub fn all(prices: &TierPrices) -> Vec<Self> {
        let body = |price: &TierPrice| Self {
            tier: price.tier.into(),
            prices: PriceBody::all(&price.prices),
        };
        prices.iter().map(body).collect()
    }
}

/// `PUT /v1/accounts/{account_id}/tiers/{ladder}/grants/{grant_id}`: gives an account a tier for a
/// time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantTierBody {
    /// The tier.
    pub tier: TierId,
    /// When it ends: a time to come, at most 5 years on.
    pub until: Timestamp,
    /// The reason: private.
    pub reason: Reason,
    /// Who granted it: private.
    pub by: Option<Actor>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// `PUT …/grants/{grant_id}/revocation`: ends a grant.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeGrantBody {
    /// Who revoked it: private.
    pub by: Option<Actor>,
    /// The reason: private.
    pub reason: Option<Reason>,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// The fact `tier-granted`.
#[derive(Clone, Debug, Serialize)]
pub struct TierGrantedBody {
    /// The account.
    pub account_id: AccountId,
    /// The ladder.
    pub ladder: LadderId,
    /// The grant.
    pub grant_id: GrantId,
    /// The tier.
    pub tier: TierId,
    /// When it ends.
    pub until: Timestamp,
    /// The grant that was in force, whose place it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<ReplacedGrantBody>,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// A grant whose place a later one takes.
#[derive(Clone, Debug, Serialize)]
pub struct ReplacedGrantBody {
    /// The grant.
    pub grant_id: GrantId,
    /// The tier that it gave.
    pub tier: TierId,
}

/// The fact `tier-grant-ended`.
#[derive(Clone, Debug, Serialize)]
pub struct TierGrantEndedBody {
    /// The account.
    pub account_id: AccountId,
    /// The ladder.
    pub ladder: LadderId,
    /// The grant.
    pub grant_id: GrantId,
    /// The tier that it gave.
    pub tier: TierId,
    /// By what it ended: its time, or a revocation.
    pub ended: GrantEnd,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The event's position.
    pub position: Place,
}

/// The tier of an account on a ladder now.
#[derive(Clone, Debug, Serialize)]
pub struct AccountTierBody {
    /// The tier that counts: the earned or the granted one, whichever is higher; left out where
    /// there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<TierId>,
    /// The tier that was earned; left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earned: Option<TierId>,
    /// The tier that an operator granted; left out where no grant is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<GrantedTierBody>,
    /// Since when the account has the tier that counts; left out where it has none or has had it
    /// from the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Until when the tier that counts holds at least; left out where it has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What counts in the running window: of the present year, of the months up to now, or ever.
    pub counted: u64,
    /// The next higher tier; `null`: there is none.
    pub next: Option<NextTierBody>,
}

/// A tier that an operator granted.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct GrantedTierBody {
    /// The tier.
    pub tier: TierId,
    /// When the grant ends.
    pub until: Timestamp,
}

/// A tier that an account hasn't reached.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct NextTierBody {
    /// The tier.
    pub tier: TierId,
    /// What is missing of its level.
    pub missing: u64,
}

/// An account that has a tier on a ladder, as it is recorded.
#[derive(Clone, Debug, Serialize)]
pub struct LadderAccountBody {
    /// The account.
    pub account_id: AccountId,
    /// The tier that counts: the earned or the granted one, whichever is higher.
    pub tier: TierId,
    /// The tier that was earned; left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earned: Option<TierId>,
    /// The tier that an operator granted; left out where no grant is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<GrantedTierBody>,
    /// Since when the account has the tier that counts.
    pub since: Timestamp,
    /// Until when the tier that counts holds at least; left out where it has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The position of the last event that changed it.
    pub position: Place,
}

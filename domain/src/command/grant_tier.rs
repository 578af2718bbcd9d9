//! Grant a tier for a time.

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    AccountId, Calendar, Decision, Event, GrantId, IdHash, LadderId, LadderTier, Note, Refusal,
    ReplacedGrant, TierGranted, TierId, Timestamp,
};

/// For how many months a tier is granted at most: five years.
const GRANTED_MONTHS_MAX: u32 = 60;

/// Grants a tier. It takes the place of the grant that is in force. What is earned goes on beneath
/// it, and the higher of both counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantTier {
    /// The account.
    pub account_id: AccountId,
    /// The ladder.
    pub ladder: LadderId,
    /// The grant's id, made by the caller.
    pub grant_id: GrantId,
    /// The tier.
    pub tier: TierId,
    /// It holds before then.
    pub until: Timestamp,
    /// Who, and why.
    pub note: Note,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

impl CommandRules for GrantTier {
    fn name(&self) -> &'static str {
        "grant-tier"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::tier_grant(&self.account_id, self.ladder, &self.grant_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let (id, ladder, tier) = (&self.account_id, self.ladder, self.tier);
        draft.check_named(LadderTier { ladder, tier })?;
        draft.state.account(id).ok_or(Refusal::AccountUnknown)?;
        let (after, latest) = (draft.now, Calendar::UTC.plus_months(draft.now, GRANTED_MONTHS_MAX));
        if self.until <= after || self.until > latest {
            return Err(Refusal::UntilOutOfRange { after, latest });
        }
        draft.apply_due(id);
        let replaces = draft.grant(id, ladder);
        let replaces = replaces.map(|(grant_id, tier)| ReplacedGrant { grant_id, tier });
        let granted = TierGranted {
            ladder,
            grant_id: self.grant_id.clone(),
            tier,
            until: self.until,
            replaces,
            occurred_at: self.occurred_at,
            note: self.note.clone(),
        };
        draft.push_outcome(Event::TierGranted(id.clone(), granted));
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::TierGranted(_, fact) = event else { return OTHER_CALL };
        self.note.first_difference(&fact.note).or_else(|| {
            first_different(&[
                ("tier", self.tier == fact.tier),
                ("until", self.until == fact.until),
                ("occurred_at", self.occurred_at == fact.occurred_at),
            ])
        })
    }
}

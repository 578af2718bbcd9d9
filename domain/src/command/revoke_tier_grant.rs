//! End a grant before its time.

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    AccountId, Decision, Event, GrantEnd, GrantId, IdHash, LadderId, Note, Refusal, TierGrantEnded,
    Timestamp,
};

/// Revokes a grant that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokeTierGrant {
    /// The account.
    pub account_id: AccountId,
    /// The ladder.
    pub ladder: LadderId,
    /// The grant, which is revoked once.
    pub grant_id: GrantId,
    /// Who, and why.
    pub note: Note,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

impl CommandRules for RevokeTierGrant {
    fn name(&self) -> &'static str {
        "revoke-tier-grant"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn id_hash(&self) -> Option<IdHash> {
        let (ladder, grant) = (self.ladder, &self.grant_id);
        Some(IdHash::tier_grant_revocation(&self.account_id, ladder, grant))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let (id, ladder) = (&self.account_id, self.ladder);
        draft.state.ladder(ladder).ok_or(Refusal::LadderUnknown { ladder })?;
        let made = IdHash::tier_grant(id, ladder, &self.grant_id);
        let was_made = draft.state.recorded().position_of(made).is_some();
        draft.apply_due(id);
        // One may have come with an account that was merged into this one.
        let in_force = draft.grant(id, ladder).filter(|(grant, _)| *grant == self.grant_id);
        let over = if was_made { Refusal::GrantEnded } else { Refusal::GrantUnknown };
        let (grant_id, tier) = in_force.ok_or(over)?;
        let ended = TierGrantEnded {
            ladder,
            grant_id,
            tier,
            ended: GrantEnd::Revoked,
            occurred_at: self.occurred_at,
            note: self.note.clone(),
        };
        draft.push_outcome(Event::TierGrantEnded(id.clone(), ended));
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::TierGrantEnded(_, fact) = event else { return OTHER_CALL };
        self.note
            .first_difference(&fact.note)
            .or_else(|| first_different(&[("occurred_at", self.occurred_at == fact.occurred_at)]))
    }
}

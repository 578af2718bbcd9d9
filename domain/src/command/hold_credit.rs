//! Set credit aside, to be captured or released later.

use super::{Decision, first_different};
use crate::draft::Draft;
use crate::{AccountId, CreditHeld, Event, HoldId, Points, Refusal, Timestamp};

/// The longest time that a hold lasts, in days of 24 hours.
pub const HOLD_DAYS_MAX: u32 = 30;

/// Holds credit until a deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldCredit {
    /// Whose.
    pub account_id: AccountId,
    /// The hold's id, made by the caller.
    pub hold_id: HoldId,
    /// How much.
    pub points: Points,
    /// It ends by itself then.
    pub deadline: Timestamp,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

impl HoldCredit {
    pub(super) fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        draft.settle(&self.account_id);
        let account = draft.account(&self.account_id).ok_or(Refusal::AccountUnknown)?;
        let latest = draft.now.plus_days(HOLD_DAYS_MAX);
        if self.deadline <= draft.now || self.deadline > latest {
            return Err(Refusal::DeadlineOutOfRange { latest });
        }
        let (needed, available) = (self.points, account.available());
        let lots = account.draw(needed).ok_or(Refusal::InsufficientCredit { needed, available })?;
        let held = CreditHeld {
            hold_id: self.hold_id.clone(),
            points: self.points,
            lots,
            deadline: self.deadline,
            occurred_at: self.occurred_at,
        };
        draft.bear(Event::CreditHeld(self.account_id.clone(), held));
        Ok(draft.finish())
    }

    pub(super) fn first_difference(&self, fact: &CreditHeld) -> Option<&'static str> {
        first_different(&[
            ("points", self.points == fact.points),
            ("deadline", self.deadline == fact.deadline),
            ("occurred_at", self.occurred_at == fact.occurred_at),
        ])
    }
}

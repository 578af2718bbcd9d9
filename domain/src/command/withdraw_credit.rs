//! Take back what was earned for something that doesn't stand.

use log_record::Position;

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use super::take_back::{Wanted, take_back};
use crate::draft::Draft;
use crate::{
    AccountId, Cause, CreditWithdrawn, Decision, EarnedCredit, Event, IdHash, Note, OriginalCredit,
    Points, Refusal, Timestamp, UnitId, WithdrawalCause, WithdrawalId,
};

/// Withdraws credit that was earned for a cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawCredit {
    /// The account.
    pub account_id: AccountId,
    /// The withdrawal's id, made by the caller.
    pub withdrawal_id: WithdrawalId,
    /// What it had been earned for.
    pub cause: Cause,
    /// Of which unit it had been.
    pub unit: UnitId,
    /// How much; without it, all that is left of what was earned.
    pub points: Option<Points>,
    /// Who, and why.
    pub note: Note,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
    /// The credit as it was earned; without it, deciding asks for it.
    pub original: Option<OriginalCredit>,
}

impl CommandRules for WithdrawCredit {
    fn name(&self) -> &'static str {
        "withdraw-credit"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::withdrawal(&self.account_id, &self.withdrawal_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let cause = IdHash::cause(&self.account_id, &self.cause);
        let at = draft.state.recorded().position_of(cause).ok_or(Refusal::CreditUnknown)?;
        let refused = draft.state.refused_credit(at);
        let earned = match refused.iter().find(|refused| refused.unit == self.unit) {
            Some(refused) => refused.claimed.ok_or(Refusal::CreditUnknown)?,
            None => match &self.original {
                Some(original) if original.position == at => {
                    let claimed = refused.iter().filter_map(|refused| refused.claimed);
                    self.of_own_unit(&draft, original.earned.iter().copied().chain(claimed))?
                }
                _ => return Ok(Decision::Load(at)),
            },
        };
        let left = draft.left_to_withdraw(earned);
        let points = self.points.unwrap_or(left);
        if points > left || left == Points::ZERO {
            let asked = self.points.unwrap_or(earned.points);
            return Err(Refusal::PointsTooLarge { unit: self.unit, left, asked });
        }
        draft.apply_due(&self.account_id);
        let lot = draft.state.lot_at(earned.position);
        let wanted = [Wanted { unit: self.unit, lot, points }];
        let taken = take_back(&mut draft, &self.account_id, &wanted)?;
        let taken = taken.into_iter().next().ok_or(Refusal::CreditUnknown)?;
        let fact = CreditWithdrawn {
            withdrawal: WithdrawalCause::Withdrawal { id: self.withdrawal_id.clone() },
            unit: self.unit,
            points,
            lots: taken.lots,
            owed: taken.owed,
            expired: taken.expired,
            forgiven: taken.forgiven,
            available_at: taken.available_at,
            of: Some(self.cause.clone()),
            of_lot: Some(lot),
            cap_room: None,
            counted_on: earned.counted_on,
            asked_points: self.points,
            reference: None,
            occurred_at: self.occurred_at,
            note: self.note.clone(),
        };
        draft.push_outcome(Event::CreditWithdrawn(self.account_id.clone(), fact));
        Ok(draft.finish())
    }

    fn load(&mut self, before: &[Event], position: Position, event: &Event) -> Option<()> {
        self.original = Some(OriginalCredit::read(before, position, event));
        Some(())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::CreditWithdrawn(_, fact) = event else { return OTHER_CALL };
        self.note.first_difference(&fact.note).or_else(|| {
            first_different(&[
                ("cause", fact.of.as_ref() == Some(&self.cause)),
                ("unit", self.unit == fact.unit),
                ("points", self.points == fact.asked_points),
                ("occurred_at", self.occurred_at == fact.occurred_at),
            ])
        })
    }
}

impl WithdrawCredit {
    /// What the cause earned of the unit that is named.
    fn of_own_unit(
        &self,
        draft: &Draft<'_>,
        earned: impl Iterator<Item = EarnedCredit> + Clone,
    ) -> Result<EarnedCredit, Refusal> {
        let first = earned.clone().next().ok_or(Refusal::CreditUnknown)?;
        if let Some(own) = earned.into_iter().find(|earned| earned.unit == self.unit) {
            return Ok(own);
        }
        draft.unit_number(self.unit)?;
        Err(Refusal::UnitMismatch { unit: first.unit, asked: self.unit })
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

    #[test]
    fn pending_credit_is_withdrawn() {
        given([earned("ann", 50, "B-0")])
            .does(earn_from(100, "ann", 300, "B-1"))
            .does(withdraw("ann", "w-1", "B-1"))
            .leaves("ann", [50, 0, 0, 0])
            .refuses(withdraw("ann", "w-2", "B-1"), "points-too-large")
            .when(withdraw("ann", "w-1", "B-1"))
            .then_repeats(4);
    }

    #[test]
    fn what_has_expired_of_it_is_asked_of_nobody() {
        given([earned("ann", 50, "B-0")])
            .does(earn_until(100, "ann", 300, "B-1"))
            .at(100)
            .when(withdraw("ann", "w-1", "B-1"))
            .then_records(["CreditExpired", "CreditWithdrawn"])
            .leaves("ann", [50, 0, 0, 0]);
    }

    #[test]
    fn what_was_spent_is_taken_from_other_credit_then_owed_or_refused() {
        let spent = || {
            given([opened("mug", 300, None), earned("ann", 300, "B-1")])
                .does(redeem("ann", "x-1", "mug"))
                .does(earn("ann", 100, "B-2"))
        };
        spent()
            .refuses(withdraw("ann", "w-1", "B-1"), "credit-already-spent")
            .leaves("ann", [100, 0, 0, 0]);
        spent()
            .does(policy(crate::SpentCredit::Debt, 30))
            .does(withdraw("ann", "w-1", "B-1"))
            .leaves("ann", [0, 0, 0, 200])
            .does(cancel("ann", "x-1", "c-1", None))
            .leaves("ann", [100, 0, 0, 0]);
    }

    #[test]
    fn only_what_was_earned_is_withdrawn() {
        given([]).refuses(withdraw("ann", "w-1", "B-1"), "credit-unknown");
        given([])
            .does(purchase("ann", "B-1", Some(1), &[("tv", 1, 0)]))
            .does(withdraw("ann", "w-1", "B-1"))
            .leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn what_was_earned_is_taken_back_of_its_own_unit() {
        given([earned("ann", 500, "B-2")])
            .does(make_unit("miles"))
            .does(in_unit("miles", earn("ann", 100, "B-1")))
            .refuses(withdraw("ann", "w-1", "B-1"), "unit-mismatch")
            .refuses(in_unit("mile", withdraw("ann", "w-1", "B-1")), "unit-unknown")
            .does(in_unit("miles", withdraw("ann", "w-1", "B-1")))
            .leaves("ann", [500, 0, 0, 0])
            .leaves_of("ann", "miles", [0, 0, 0, 0]);
    }

    #[test]
    fn other_credit_takes_the_place_of_what_was_spent_within_the_unit_only() {
        given([earned("ann", 500, "B-2")])
            .does(policy(crate::SpentCredit::Debt, 30))
            .does(make_unit("miles"))
            .does(in_unit("miles", earn("ann", 100, "B-1")))
            .does(in_unit("miles", hold("ann", "h-1", 100, 100)))
            .does(capture("ann", "h-1", None))
            .does(in_unit("miles", withdraw("ann", "w-1", "B-1")))
            .leaves("ann", [500, 0, 0, 0])
            .leaves_of("ann", "miles", [0, 0, 0, 100])
            .does(earn("ann", 7, "B-3"))
            .leaves_of("ann", "miles", [0, 0, 0, 100])
            .does(in_unit("miles", earn("ann", 130, "B-4")))
            .leaves_of("ann", "miles", [30, 0, 0, 0]);
    }
}

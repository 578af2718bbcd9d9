//! Undo a withdrawal that should not have been made.

use log_record::Position;

use super::give_back::give_back;
use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    AccountId, Decision, Event, IdHash, Note, OriginalWithdrawal, Refusal, Timestamp, WithdrawalId,
    WithdrawalReversed,
};

/// Reverses a withdrawal: what it took is given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReverseWithdrawal {
    /// The account.
    pub account_id: AccountId,
    /// The withdrawal, which is reversed once.
    pub withdrawal_id: WithdrawalId,
    /// Who, and why.
    pub note: Note,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
    /// The withdrawal as it was recorded; without it, deciding asks for it.
    pub original: Option<OriginalWithdrawal>,
}

impl CommandRules for ReverseWithdrawal {
    fn name(&self) -> &'static str {
        "reverse-withdrawal"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::withdrawal_reversal(&self.account_id, &self.withdrawal_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let withdrawal = IdHash::withdrawal(&self.account_id, &self.withdrawal_id);
        let at = draft.state.recorded().position_of(withdrawal);
        let at = at.ok_or(Refusal::WithdrawalUnknown)?;
        let Some(original) = self.original.as_ref().filter(|original| original.position == at)
        else {
            return Ok(Decision::Load(at));
        };
        draft.apply_due(&self.account_id);
        let id = &self.account_id;
        let credit = give_back(&draft, id, &original.credit, Refusal::WithdrawalUnknown)?;
        let credit = credit.into_iter().next().ok_or(Refusal::WithdrawalUnknown)?;
        let fact = WithdrawalReversed {
            withdrawal_id: self.withdrawal_id.clone(),
            credit,
            occurred_at: self.occurred_at,
            note: self.note.clone(),
        };
        let event = Event::WithdrawalReversed(self.account_id.clone(), fact);
        draft.come_in_as_outcome(&self.account_id, event);
        Ok(draft.finish())
    }

    fn load(&mut self, before: &[Event], position: Position, event: &Event) -> Option<()> {
        self.original = Some(OriginalWithdrawal::read(before, position, event)?);
        Some(())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::WithdrawalReversed(_, fact) = event else { return OTHER_CALL };
        self.note
            .first_difference(&fact.note)
            .or_else(|| first_different(&[("occurred_at", self.occurred_at == fact.occurred_at)]))
    }
}

#[cfg(test)]
mod tests {
    use crate::SpentCredit;
    use crate::scenario::*;

    #[test]
    fn what_was_withdrawn_is_given_back_once() {
        given([earned("ann", 300, "B-1")])
            .does(withdraw("ann", "w-1", "B-1"))
            .when(reverse_withdrawal("ann", "w-1"))
            .then_records(["WithdrawalReversed"])
            .leaves("ann", [300, 0, 0, 0])
            .when(reverse_withdrawal("ann", "w-1"))
            .then_repeats(4);
        given([earned("ann", 300, "B-1")])
            .refuses(reverse_withdrawal("ann", "w-1"), "withdrawal-unknown");
    }

    #[test]
    fn what_was_given_back_can_be_withdrawn_again_under_another_id() {
        given([earned("ann", 300, "B-1")])
            .does(withdraw("ann", "w-1", "B-1"))
            .refuses(withdraw("ann", "w-2", "B-1"), "points-too-large")
            .does(reverse_withdrawal("ann", "w-1"))
            .does(withdraw("ann", "w-2", "B-1"))
            .leaves("ann", [0, 0, 0, 0])
            .does(reverse_withdrawal("ann", "w-2"))
            .leaves("ann", [300, 0, 0, 0]);
    }

    #[test]
    fn what_was_pending_is_pending_again_until_its_time() {
        let withdrawn = || {
            given([]).does(earn_from(100, "ann", 300, "B-1")).does(withdraw("ann", "w-1", "B-1"))
        };
        let reversed = || withdrawn().does(reverse_withdrawal("ann", "w-1"));
        reversed().leaves("ann", [0, 300, 0, 0]);
        reversed().at(100).sweeps().leaves("ann", [300, 0, 0, 0]);
        withdrawn().at(100).does(reverse_withdrawal("ann", "w-1")).leaves("ann", [300, 0, 0, 0]);
    }

    #[test]
    fn the_debt_shrinks_and_what_has_paid_it_comes_back() {
        let owing = || {
            given([opened("mug", 300, None), earned("ann", 300, "B-1")])
                .does(policy(SpentCredit::Debt, 30))
                .does(redeem("ann", "x-1", "mug"))
                .does(withdraw("ann", "w-1", "B-1"))
                .leaves("ann", [0, 0, 0, 300])
        };
        owing().does(reverse_withdrawal("ann", "w-1")).leaves("ann", [0, 0, 0, 0]);
        owing()
            .does(earn("ann", 120, "B-2"))
            .leaves("ann", [0, 0, 0, 180])
            .does(reverse_withdrawal("ann", "w-1"))
            .leaves("ann", [120, 0, 0, 0])
            // It is of the lot that had paid.
            .does(withdraw("ann", "w-2", "B-2"))
            .leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn only_its_own_debt_shrinks() {
        given([opened("mug", 300, None), earned("ann", 300, "B-1"), earned("ann", 300, "B-2")])
            .does(policy(SpentCredit::Debt, 30))
            .does(two("ann", "x-1", "mug"))
            .does(withdraw("ann", "w-1", "B-1"))
            .does(withdraw("ann", "w-2", "B-2"))
            .does(earn("ann", 400, "B-3"))
            .leaves("ann", [0, 0, 0, 200])
            // 300 had paid the first debt: they pay what is left of the second.
            .when(reverse_withdrawal("ann", "w-1"))
            .then_records(["WithdrawalReversed", "DebtRepaid"])
            .leaves("ann", [100, 0, 0, 0])
            .does(reverse_withdrawal("ann", "w-2"))
            .leaves("ann", [400, 0, 0, 0]);
    }

    #[test]
    fn what_had_expired_is_asked_of_nobody_after_a_reversal_either() {
        given([earned("ann", 50, "B-0")])
            .does(earn_until(100, "ann", 300, "B-1"))
            .at(100)
            .does(withdraw("ann", "w-1", "B-1"))
            .does(reverse_withdrawal("ann", "w-1"))
            .leaves("ann", [50, 0, 0, 0])
            .does(withdraw("ann", "w-2", "B-1"))
            .leaves("ann", [50, 0, 0, 0]);
    }

    #[test]
    fn what_expired_meanwhile_comes_back_with_grace() {
        const GRACE_ENDS: i64 = 31 * 24 * 60 * 60;
        let reversed = || {
            given([])
                .does(earn_until(50, "ann", 300, "B-1"))
                .does(withdraw("ann", "w-1", "B-1"))
                .at(100)
                .does(reverse_withdrawal("ann", "w-1"))
        };
        reversed().at(GRACE_ENDS - 1).sweeps().leaves("ann", [300, 0, 0, 0]);
        reversed().at(GRACE_ENDS).sweeps().leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn what_was_forgiven_is_not_given() {
        given([opened("mug", 200, None), earned("ann", 300, "B-1")])
            .does(policy(SpentCredit::Forgive, 30))
            .does(redeem("ann", "x-1", "mug"))
            .does(withdraw("ann", "w-1", "B-1"))
            .leaves("ann", [0, 0, 0, 0])
            .does(reverse_withdrawal("ann", "w-1"))
            .leaves("ann", [100, 0, 0, 0]);
    }
}

//! Undo a return of goods that didn't come back.

use log_record::Position;

use super::give_back::give_back;
use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    AccountId, Decision, Event, IdHash, Note, OriginalWithdrawal, PurchaseId, Refusal,
    ReturnCreditGivenBack, ReturnId, ReturnReversed, Timestamp, UnitPoints,
};

/// Reverses a return: the goods count as bought again, and what was taken for them is given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReverseReturn {
    /// The account.
    pub account_id: AccountId,
    /// The purchase.
    pub purchase_id: PurchaseId,
    /// The return, which is reversed once.
    pub return_id: ReturnId,
    /// Who, and why.
    pub note: Note,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
    /// The return as it was recorded; without it, deciding asks for it.
    pub original: Option<OriginalWithdrawal>,
}

impl CommandRules for ReverseReturn {
    fn name(&self) -> &'static str {
        "reverse-return"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::return_reversal(&self.account_id, &self.purchase_id, &self.return_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let back = IdHash::purchase_return(&self.account_id, &self.purchase_id, &self.return_id);
        let at = draft.state.recorded().position_of(back).ok_or(Refusal::ReturnUnknown)?;
        let Some(original) = self.original.as_ref().filter(|original| original.position == at)
        else {
            return Ok(Decision::Load(at));
        };
        draft.apply_due(&self.account_id);
        let id = &self.account_id;
        let credit = give_back(&draft, id, &original.credit, Refusal::ReturnUnknown)?;
        let mut credit = credit.into_iter();
        let first = credit.next();
        let mut further = vec![];
        for credit in credit {
            further.push(UnitPoints { unit: credit.unit, points: credit.points });
            let fact = ReturnCreditGivenBack {
                purchase_id: self.purchase_id.clone(),
                return_id: self.return_id.clone(),
                credit,
            };
            draft.come_in(Event::CreditGivenBack(self.account_id.clone(), fact));
        }
        let fact = ReturnReversed {
            purchase_id: self.purchase_id.clone(),
            return_id: self.return_id.clone(),
            lines: original.lines.clone(),
            credit: first,
            further: further.into(),
            occurred_at: self.occurred_at,
            note: self.note.clone(),
        };
        let event = Event::ReturnReversed(self.account_id.clone(), fact);
        draft.come_in_as_outcome(&self.account_id, event);
        Ok(draft.finish())
    }

    fn load(&mut self, before: &[Event], position: Position, event: &Event) -> Option<()> {
        self.original = Some(OriginalWithdrawal::read(before, position, event)?);
        Some(())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::ReturnReversed(_, fact) = event else { return OTHER_CALL };
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
    fn a_reversed_return_gives_credit_and_goods_back_once() {
        bought()
            .does(bring_back("ann", "B-1", "r-1", Some(&[("dvd", 1)])))
            .leaves("ann", [27, 0, 0, 0])
            .when(reverse_return("ann", "B-1", "r-1"))
            .then_records(["ReturnReversed"])
            .leaves("ann", [30, 0, 0, 0])
            .when(reverse_return("ann", "B-1", "r-1"))
            .then_repeats(6);
    }

    #[test]
    fn what_was_returned_by_mistake_can_be_returned_again() {
        bought()
            .does(bring_back("ann", "B-1", "r-1", None))
            .refuses(bring_back("ann", "B-1", "r-2", Some(&[("dvd", 1)])), "already-returned")
            .does(reverse_return("ann", "B-1", "r-1"))
            .leaves("ann", [30, 0, 0, 0])
            .does(bring_back("ann", "B-1", "r-2", Some(&[("dvd", 3)])))
            .leaves("ann", [20, 0, 0, 0])
            .does(bring_back("ann", "B-1", "r-3", None))
            .leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn a_return_that_took_nothing_is_reversed_too() {
        bought()
            .does(withdraw("ann", "w-1", "B-1"))
            .does(bring_back("ann", "B-1", "r-1", None))
            .when(reverse_return("ann", "B-1", "r-1"))
            .then_records(["ReturnReversed"])
            .leaves("ann", [0, 0, 0, 0])
            .does(reverse_withdrawal("ann", "w-1"))
            .leaves("ann", [30, 0, 0, 0])
            .does(bring_back("ann", "B-1", "r-2", None))
            .leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn the_debt_of_a_return_shrinks() {
        given([opened("mug", 30, None)])
            .does(policy(SpentCredit::Debt, 30))
            .does(purchase("ann", "B-1", Some(30), &[("tv", 1, 200)]))
            .does(redeem("ann", "x-1", "mug"))
            .does(bring_back("ann", "B-1", "r-1", None))
            .leaves("ann", [0, 0, 0, 30])
            .does(reverse_return("ann", "B-1", "r-1"))
            .leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn only_a_return_that_was_recorded_is_reversed() {
        bought()
            .refuses(reverse_return("ann", "B-1", "r-1"), "return-unknown")
            .refuses(reverse_return("ann", "B-2", "r-1"), "return-unknown");
    }

    #[test]
    fn goods_that_were_called_off_at_the_warehouse_stay_called_off() {
        let of = [("tv", 1), ("dvd", 3)];
        bought()
            .does(bring_back("ann", "B-1", "r-1", Some(&[("dvd", 3)])))
            .shows_purchase("ann", "B-1", &of, "requested", 1)
            .does(reverse_return("ann", "B-1", "r-1"))
            .shows_purchase("ann", "B-1", &of, "requested", 1);
        bought()
            .does(bring_back("ann", "B-1", "r-1", None))
            .shows_purchase("ann", "B-1", &of, "cancelled", 0)
            .does(reverse_return("ann", "B-1", "r-1"))
            .shows_purchase("ann", "B-1", &of, "cancelled", 0);
    }

    fn bought() -> Scenario {
        given([]).does(purchase("ann", "B-1", Some(30), &[("tv", 1, 200), ("dvd", 3, 100)]))
    }
}

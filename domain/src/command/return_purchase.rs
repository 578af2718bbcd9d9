//! Take goods of a purchase back, and what they had earned.

use log_record::Position;

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use super::take_back::take_back;
use crate::draft::Draft;
use crate::{
    AccountId, AskedUnits, Cause, CreditWithdrawn, Decision, Event, IdHash, Note, OriginalPurchase,
    Points, PurchaseId, PurchaseLine, PurchaseReturned, Refusal, ReturnId, ReturnedLine, RoomBack,
    State, Timestamp, Units, WithdrawalCause,
};

/// Records that goods of a purchase came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnPurchase {
    /// The account.
    pub account_id: AccountId,
    /// The purchase.
    pub purchase_id: PurchaseId,
    /// The return's id, made by the caller.
    pub return_id: ReturnId,
    /// What came back, each product once; without it, all that was left.
    pub lines: Option<Vec<ReturnedLine>>,
    /// Who, and why.
    pub note: Note,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
    /// The purchase as it was recorded; without it, deciding asks for it.
    pub original: Option<OriginalPurchase>,
}

impl CommandRules for ReturnPurchase {
    fn name(&self) -> &'static str {
        "return-purchase"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::purchase_return(&self.account_id, &self.purchase_id, &self.return_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let cause = IdHash::purchase(&self.account_id, &self.purchase_id);
        let at = draft.state.recorded().position_of(cause).ok_or(Refusal::PurchaseUnknown)?;
        let Some(original) = self.original.as_ref().filter(|original| original.position == at)
        else {
            return Ok(Decision::Load(at));
        };
        if original.lines.is_empty() {
            // The cause earned credit, and no purchase was recorded under it.
            return Err(Refusal::PurchaseUnknown);
        }
        let back = self.lines_back(draft.state, original)?;
        draft.apply_due(&self.account_id);
        let refused = draft.state.refused_credit(at);
        let worth = worth(draft.state, original, &back);
        let room = original.cap_room.clone().filter(|room| room.period.is_kept(draft.now));
        let mut points = Points::ZERO;
        if let Some(earned) = original.earned.or(refused.flatten()) {
            let left = draft.left_to_withdraw(earned);
            points = worth.min(left);
            if points > Points::ZERO {
                let lot = draft.state.lot_at(earned.position);
                let taken = take_back(&mut draft, &self.account_id, earned.unit, lot, points)?;
                let fact = CreditWithdrawn {
                    withdrawal: WithdrawalCause::Return {
                        purchase_id: self.purchase_id.clone(),
                        id: self.return_id.clone(),
                    },
                    unit: earned.unit,
                    points,
                    lots: taken.lots,
                    owed: taken.owed,
                    expired: taken.expired,
                    forgiven: taken.forgiven,
                    available_at: taken.available_at,
                    of: Some(Cause::purchase(&self.purchase_id)),
                    of_lot: Some(lot),
                    cap_room: room.clone(),
                    asked_points: None,
                    reference: None,
                    occurred_at: self.occurred_at,
                    note: Note::default(),
                };
                draft.push(Event::CreditWithdrawn(self.account_id.clone(), fact));
            }
        }
        let room_back = match refused {
            // A claim will give as much less.
            Some(None) => worth.some().zip(room).map(|(points, room)| RoomBack { room, points }),
            _ => None,
        };
        let fact = PurchaseReturned {
            purchase_id: self.purchase_id.clone(),
            return_id: self.return_id.clone(),
            lines: back,
            unit: original.unit,
            points: points.some(),
            room_back,
            asked_lines: self.lines.is_some(),
            occurred_at: self.occurred_at,
            note: self.note.clone(),
        };
        draft.push_outcome(Event::PurchaseReturned(self.account_id.clone(), fact));
        Ok(draft.finish())
    }

    fn load(&mut self, before: &[Event], position: Position, event: &Event) -> Option<()> {
        self.original = Some(OriginalPurchase::read(before.last()?, position, event));
        Some(())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::PurchaseReturned(_, fact) = event else { return OTHER_CALL };
        let same_lines = match &self.lines {
            None => !fact.asked_lines,
            Some(asked) => {
                fact.asked_lines
                    && asked.len() == fact.lines.len()
                    && asked.iter().all(|line| fact.lines.contains(line))
            }
        };
        self.note.first_difference(&fact.note).or_else(|| {
            first_different(&[
                ("lines", same_lines),
                ("occurred_at", self.occurred_at == fact.occurred_at),
            ])
        })
    }
}

impl ReturnPurchase {
    /// What comes back, in the purchase's order.
    fn lines_back(
        &self,
        state: &State,
        original: &OriginalPurchase,
    ) -> Result<Vec<ReturnedLine>, Refusal> {
        let is_back = |line: &PurchaseLine| {
            state.returned(original.position, &line.product_id) >= line.quantity
        };
        if original.lines.iter().all(is_back) {
            return Err(Refusal::AlreadyReturned);
        }
        let asked = self.lines.as_deref();
        for (index, back) in asked.unwrap_or_default().iter().enumerate() {
            if !original.lines.iter().any(|line| line.product_id == back.product_id) {
                return Err(Refusal::LineUnknown { line: index as u64 + 1 });
            }
        }
        let mut back = Vec::new();
        for line in &original.lines {
            let product_id = line.product_id.clone();
            let before = state.returned(original.position, &product_id);
            let left = line.quantity.minus(before).unwrap_or_default();
            let quantity = match asked {
                None => left,
                Some(asked) => match asked.iter().find(|back| back.product_id == product_id) {
                    None => continue,
                    Some(back) if back.quantity > left => {
                        let asked = AskedUnits(Some(back.quantity));
                        return Err(Refusal::QuantityTooLarge { left, asked });
                    }
                    Some(back) => back.quantity,
                },
            };
            if quantity > Units::ZERO {
                back.push(ReturnedLine { product_id, quantity });
            }
        }
        if back.is_empty() {
            return Err(Refusal::QuantityTooLarge { left: Units::ZERO, asked: AskedUnits(None) });
        }
        Ok(back)
    }
}

/// What the lines had earned, so rounded that all of a line takes all that it earned.
fn worth(state: &State, original: &OriginalPurchase, back: &[ReturnedLine]) -> Points {
    let worth_of = |back: &ReturnedLine| {
        let line = original.lines.iter().find(|line| line.product_id == back.product_id)?;
        let earned = line.points?;
        let before = state.returned(original.position, &line.product_id);
        let then = before.plus(back.quantity)?;
        earned.share(then, line.quantity).minus(earned.share(before, line.quantity))
    };
    let worths = back.iter().filter_map(worth_of);
    worths.fold(Points::ZERO, |sum, points| sum.plus(points).unwrap_or(sum))
}

#[cfg(test)]
mod tests {
    use crate::command::ExpectedVersion;
    use crate::scenario::*;
    use crate::{Cap, EarningTerms, Period};

    #[test]
    fn a_return_takes_back_what_the_lines_had_earned() {
        bought()
            .does(bring_back("ann", "B-1", "r-1", Some(&[("dvd", 1)])))
            // Of the 10 for three discs, a third, rounded down.
            .leaves("ann", [27, 0, 0, 0])
            .does(bring_back("ann", "B-1", "r-2", None))
            .leaves("ann", [0, 0, 0, 0])
            .refuses(bring_back("ann", "B-1", "r-3", None), "already-returned")
            .refuses(bring_back("ann", "B-1", "r-3", Some(&[("dvd", 1)])), "already-returned");
    }

    #[test]
    fn a_return_is_recorded_once() {
        bought()
            .does(bring_back("ann", "B-1", "r-1", Some(&[("dvd", 1)])))
            .when(bring_back("ann", "B-1", "r-1", Some(&[("dvd", 1)])))
            .then_repeats(5);
        bought()
            .does(bring_back("ann", "B-1", "r-1", Some(&[("dvd", 1)])))
            .when(bring_back("ann", "B-1", "r-1", None))
            .then_differs_from(5, "lines");
    }

    #[test]
    fn what_was_withdrawn_is_not_taken_back_again() {
        bought()
            .does(withdraw("ann", "w-1", "B-1"))
            .when(bring_back("ann", "B-1", "r-1", None))
            .then_records(["PurchaseReturned"])
            .leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn a_return_makes_room_under_the_cap_that_it_had_used() {
        let points = points(30);
        let terms = EarningTerms { cap: Some(Cap { points, period: Period::Day }), ..rate(10) };
        let bought = |basket, amount| purchase("ann", basket, None, &[("tv", 1, amount)]);
        given([])
            .does(rule("default", terms, ExpectedVersion::Absent))
            .does(bought("B-1", 250))
            .does(bought("B-2", 250))
            .leaves("ann", [30, 0, 0, 0])
            .does(bring_back("ann", "B-2", "r-1", None))
            .does(bring_back("ann", "B-1", "r-1", None))
            .leaves("ann", [0, 0, 0, 0])
            .does(bought("B-3", 280))
            .does(bought("B-4", 280))
            .leaves("ann", [30, 0, 0, 0]);
    }

    #[test]
    fn only_what_was_bought_comes_back() {
        given([earned("ann", 5, "B-2")])
            .refuses(bring_back("ann", "B-1", "r-1", None), "purchase-unknown")
            .refuses(bring_back("ann", "B-2", "r-1", None), "purchase-unknown");
        bought()
            .refuses(bring_back("ann", "B-1", "r-1", Some(&[("cup", 9)])), "line-unknown")
            .refuses(bring_back("ann", "B-1", "r-1", Some(&[("dvd", 4)])), "quantity-too-large");
    }

    fn bought() -> Scenario {
        given([]).does(purchase("ann", "B-1", Some(30), &[("tv", 1, 200), ("dvd", 3, 100)]))
    }
}

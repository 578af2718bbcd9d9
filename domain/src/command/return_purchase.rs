//! Take goods of a purchase back, and what they had earned.

use log_record::Position;

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use super::take_back::{Taken, Wanted, take_back};
use crate::draft::Draft;
use crate::{
    AccountId, AskedUnits, CapRoom, Cause, CreditWithdrawn, Decision, Event, IdHash, Note,
    OriginalPurchase, Points, PurchaseId, PurchaseLine, PurchaseReturned, Refusal, ReturnId,
    ReturnedLine, RoomBack, State, TakenBack, Timestamp, UnitId, Units, WithdrawalCause,
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

    fn goes_on(&self) -> bool {
        true
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
        let taken = self.take_shares(&mut draft, original, &back)?;
        let fact = PurchaseReturned {
            purchase_id: self.purchase_id.clone(),
            return_id: self.return_id.clone(),
            lines: back,
            taken: taken.into(),
            asked_lines: self.lines.is_some(),
            occurred_at: self.occurred_at,
            note: self.note.clone(),
        };
        draft.push_outcome(Event::PurchaseReturned(self.account_id.clone(), fact));
        Ok(draft.finish())
    }

    fn load(&mut self, before: &[Event], position: Position, event: &Event) -> Option<()> {
        self.original = Some(OriginalPurchase::read(before, position, event));
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
    /// Takes what the lines had earned of each unit, of all of them or of none.
    fn take_shares(
        &self,
        draft: &mut Draft<'_>,
        original: &OriginalPurchase,
        back: &[ReturnedLine],
    ) -> Result<Vec<TakenBack>, Refusal> {
        let refused = draft.state.refused_credit(original.position);
        let (mut shares, mut wanted, mut rooms) = (vec![], vec![], vec![]);
        for earning in &original.units {
            let unit = earning.unit;
            let worth = worth(draft.state, original, back, unit);
            let room = earning.cap_room.clone().filter(|room| room.period.is_kept(draft.now));
            let refused = refused.iter().find(|refused| refused.unit == unit);
            let earned = earning.earned.or(refused.and_then(|refused| refused.claimed));
            let points = earned.map(|earned| worth.min(draft.left_to_withdraw(earned)));
            let points = points.unwrap_or_default();
            let room_back = match refused {
                // A claim will give as much less.
                Some(refused) if refused.claimed.is_none() => {
                    let back = worth.some().zip(room.clone());
                    back.map(|(points, room)| RoomBack { room, points })
                }
                _ => None,
            };
            if let (Some(earned), Some(points)) = (earned, points.some()) {
                wanted.push(Wanted { unit, lot: draft.state.lot_at(earned.position), points });
                rooms.push((room, earned.counted_on));
            }
            shares.push(TakenBack { unit, points, room_back });
        }
        let taken = take_back(draft, &self.account_id, &wanted)?;
        for ((wanted, taken), (room, counted_on)) in wanted.into_iter().zip(taken).zip(rooms) {
            let fact = CreditWithdrawn { counted_on, ..self.withdrawn(wanted, taken, room) };
            draft.push(Event::CreditWithdrawn(self.account_id.clone(), fact));
        }
        Ok(shares)
    }

    fn withdrawn(
        &self,
        Wanted { unit, lot, points }: Wanted,
        taken: Taken,
        cap_room: Option<CapRoom>,
    ) -> CreditWithdrawn {
        CreditWithdrawn {
            withdrawal: WithdrawalCause::Return {
                purchase_id: self.purchase_id.clone(),
                id: self.return_id.clone(),
            },
            unit,
            points,
            lots: taken.lots,
            owed: taken.owed,
            expired: taken.expired,
            forgiven: taken.forgiven,
            available_at: taken.available_at,
            of: Some(Cause::purchase(&self.purchase_id)),
            of_lot: Some(lot),
            cap_room,
            counted_on: None,
            asked_points: None,
            reference: None,
            occurred_at: self.occurred_at,
            note: Note::default(),
        }
    }

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

/// What the lines had earned of a unit, so rounded that all of a line takes all that it earned.
fn worth(
    state: &State,
    original: &OriginalPurchase,
    back: &[ReturnedLine],
    unit: UnitId,
) -> Points {
    let worth_of = |back: &ReturnedLine| {
        let line = original.lines.iter().find(|line| line.product_id == back.product_id)?;
        let earned = line.earned_of(unit);
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

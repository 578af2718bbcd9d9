//! What events about holds do to an account's credit.

use super::wallet::{TOO_FULL, sums_to};
use super::{Hold, Wallet};
use crate::command::HOLD_DAYS_MAX;
use crate::{
    CreditHeld, HoldCaptured, HoldExtended, HoldId, HoldSwapped, Keeps, LotPart, Timestamp,
};

impl Wallet {
    pub(super) fn set_aside(
        &mut self,
        fact: &CreditHeld,
        now: Timestamp,
    ) -> Result<(), &'static str> {
        sums_to(fact.points, &fact.lots)?;
        self.take_all(&fact.lots).ok_or("I1: more was held than was available")?;
        let (id, lots) = (fact.hold_id.clone(), fact.lots.clone());
        let (deadline, grace, keeps) = (fact.deadline, fact.grace, fact.keeps.clone());
        self.rare_mut().holds.push(Hold { id, lots, deadline, made_at: now, grace, keeps });
        Ok(())
    }

    pub(super) fn extend(
        &mut self,
        fact: &HoldExtended,
        now: Timestamp,
    ) -> Result<(), &'static str> {
        let holds = &mut self.rare_mut().holds;
        let hold = holds.iter_mut().find(|hold| hold.id == fact.hold_id);
        let hold = hold.ok_or("a hold was extended that had ended")?;
        if hold.deadline <= now {
            return Err("I8: a hold was extended after its deadline");
        }
        if hold.keeps != Keeps::Nothing {
            return Err("a reservation was extended");
        }
        if fact.deadline > hold.made_at.plus_days(HOLD_DAYS_MAX) {
            return Err("I8: a hold lasts 30 days at most, with its extensions");
        }
        if fact.deadline <= hold.deadline {
            return Err("a hold was extended to no later deadline");
        }
        hold.deadline = fact.deadline;
        Ok(())
    }

    pub(super) fn capture(
        &mut self,
        fact: &HoldCaptured,
        now: Timestamp,
    ) -> Result<(), &'static str> {
        sums_to(fact.points, &fact.lots)?;
        let hold = self.end_hold(&fact.hold_id)?;
        if hold.deadline <= now {
            return Err("I8: a hold was captured after its deadline");
        }
        if joined(&fact.lots, &fact.released) != hold.lots {
            return Err("a capture and what it released are what was held");
        }
        self.put_all(&fact.came_back()).ok_or(TOO_FULL)
    }

    pub(super) fn swap(&mut self, fact: &HoldSwapped) -> Option<()> {
        let holds = &mut self.rare_mut().holds;
        let hold = holds.iter_mut().find(|hold| hold.id == fact.hold_id)?;
        let is_right = hold.swapped(&fact.returned, &fact.taken)? == fact.lots
            && fact.further == (hold.keeps == Keeps::Further);
        hold.lots.clone_from(&fact.lots);
        self.put_all(&fact.returned)?;
        self.take_all(&fact.taken)?;
        is_right.then_some(())
    }

    pub(super) fn end_hold(&mut self, id: &HoldId) -> Result<Hold, &'static str> {
        let holds = &mut self.rare_mut().holds;
        let index = holds.iter().position(|hold| hold.id == *id).ok_or("a hold ended twice")?;
        Ok(holds.remove(index))
    }
}

/// Two lists of parts as one; a part that was cut in two is whole again.
fn joined(first: &[LotPart], rest: &[LotPart]) -> Vec<LotPart> {
    let mut joined = first.to_vec();
    let mut rest = rest.iter().cloned();
    if let Some(cut) = joined.last_mut()
        && let Some(next) = rest.next()
    {
        let sum = cut.points.plus(next.points);
        match sum {
            Some(points) if next == (LotPart { points: next.points, ..cut.clone() }) => {
                cut.points = points;
            }
            _ => joined.push(next),
        }
    }
    joined.extend(rest);
    joined
}

//! What falls due by itself: pending credit becomes available, holds end, debts are paid, credit
//! expires. The events that say so follow from the account and the time alone, so that it makes no
//! difference when somebody looks.

use log_record::Place;

use crate::lots::{sum_of, take_from};
use crate::{
    Account, AccountId, CreditExpired, CreditMatured, DebtRepaid, Event, Hold, HoldReleased,
    Points, ReleaseReason, Timestamp,
};

/// How many parts of lots one event names at most.
const PARTS_MAX: usize = 100;

/// Brings an account up to `now` and appends the events that do it, one due time after the other.
/// What fell due before `since` has been done; the next event stands after `last`.
pub(crate) fn apply_due(
    account: &mut Account,
    id: &AccountId,
    since: Timestamp,
    now: Timestamp,
    last: Place,
    events: &mut Vec<Event>,
) {
    let mut reached = since;
    loop {
        let next = account.next_due().filter(|due| *due <= now);
        let event = match next {
            Some(due) if due <= reached && account.comes_in(reached) => {
                account.come_in(id, reached)
            }
            // Before it expires, and before time goes on, what came in pays what is owed (I10).
            _ if account.must_repay() => account.repay(id),
            Some(due) if due <= reached => account.expire(id, reached),
            Some(due) => {
                reached = due;
                continue;
            }
            None => return,
        };
        let at = last.plus(events.len() as u64 + 1);
        let evolved = event.as_ref().map(|event| account.evolve(at, now, event));
        let is_done = evolved.is_none_or(|evolved| evolved.is_err());
        events.extend(event);
        if is_done {
            // It can't be: what is due is there. The state refuses such an event by its invariant.
            return;
        }
    }
}

impl Account {
    /// Whether `apply_due` has anything to do.
    pub(crate) fn has_due(&self, now: Timestamp) -> bool {
        self.next_due().is_some_and(|due| due <= now) || self.must_repay()
    }

    fn must_repay(&self) -> bool {
        self.owed() > Points::ZERO && self.available() > Points::ZERO
    }

    /// Whether credit becomes available at `time`.
    fn comes_in(&self, time: Timestamp) -> bool {
        self.pending_parts().front().is_some_and(|pending| pending.available_at <= time)
            || self.holds().iter().any(|hold| hold.deadline <= time)
    }

    /// What becomes available first of what does at `time`.
    fn come_in(&self, id: &AccountId, time: Timestamp) -> Option<Event> {
        let pending = self.pending_parts().iter().take_while(|part| part.available_at <= time);
        let matured: Vec<_> = pending.take(PARTS_MAX).map(|pending| pending.part.clone()).collect();
        if !matured.is_empty() {
            let fact = CreditMatured { points: sum_of(&matured)?, lots: matured };
            return Some(Event::CreditMatured(id.clone(), fact));
        }
        // `min_by_key` gives the first of equals, which is the older hold.
        let over = self.holds().iter().filter(|hold| hold.deadline <= time);
        let hold = over.min_by_key(|hold| hold.deadline)?;
        Some(Event::HoldReleased(id.clone(), hold.release(ReleaseReason::Deadline)?))
    }

    fn expire(&self, id: &AccountId, time: Timestamp) -> Option<Event> {
        let over = self.lots().take_while(|part| part.has_expired(time));
        let lots: Vec<_> = over.take(PARTS_MAX).cloned().collect();
        let fact = CreditExpired { points: sum_of(&lots)?, lots };
        Some(Event::CreditExpired(id.clone(), fact))
    }

    fn repay(&self, id: &AccountId) -> Option<Event> {
        let (lots, _) = take_from(self.lots().take(PARTS_MAX), self.owed());
        let fact = DebtRepaid { points: sum_of(&lots)?, lots };
        Some(Event::DebtRepaid(id.clone(), fact))
    }
}

impl Hold {
    /// The event that gives all of it back.
    pub(crate) fn release(&self, reason: ReleaseReason) -> Option<HoldReleased> {
        Some(HoldReleased {
            hold_id: self.id.clone(),
            points: sum_of(&self.lots)?,
            lots: self.lots.clone(),
            reason,
            occurred_at: None,
        })
    }
}

//! What falls due by itself: pending credit becomes available, holds end, debts are paid, credit
//! expires. It follows from an account's credit and the time alone, so that it makes no difference
//! when somebody looks: the writer records it as events, a query applies it to what it has read.

use std::collections::{HashMap, VecDeque};

use log_record::{Place, Position};

use crate::account::Pending;
use crate::grace::{end_of_grace, gained, with_grace};
use crate::lots::{Lots, sum_of, take_from};
use crate::unit::{KnownUnits, UnitNumber};
use crate::{
    Account, AccountId, BackFor, CreditExpired, CreditMatured, DebtRepaid, Event, Hold, HoldId,
    HoldReleased, Ladders, LotPart, Points, ReleaseReason, Standings, TierStep, Timestamp, UnitId,
    Wallet,
};

/// How many parts of lots one event names at most.
const PARTS_MAX: usize = 100;

/// What an account has of a unit, in plain parts and holds: all that decides what falls due.
#[derive(Clone, Debug)]
pub struct Credit {
    available: Lots,
    /// The first to become available first.
    pending: VecDeque<Pending>,
    holds: Vec<HeldCredit>,
    owed: Points,
}

/// Credit that is set aside.
#[derive(Clone, Debug)]
struct HeldCredit {
    /// The hold's number among those that the account had at first.
    number: usize,
    hold: LiveHold,
}

/// A hold, as far as its end by its deadline follows from it.
#[derive(Clone, Debug)]
pub struct LiveHold {
    /// It ends by itself then.
    pub deadline: Timestamp,
    /// The parts of lots that are held.
    pub lots: Vec<LotPart>,
    /// For how many days what comes back at the deadline can be spent at least.
    pub grace_days: u16,
}

/// Something that fell due, with the parts of lots that it moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DueStep {
    /// Pending credit became available.
    Matured(Vec<LotPart>),
    /// The hold with this number ended at its deadline, and what it kept became available.
    HoldEnded(usize),
    /// Available credit paid what was owed.
    Repaid(Vec<LotPart>),
    /// Available credit expired.
    Expired(Vec<LotPart>),
}

impl Credit {
    /// The credit of an account: what is available, what is pending, the holds (the oldest first),
    /// and what is owed. `None` if the available parts sum to more than
    /// `AMOUNT_MAX`.
    #[must_use]
    pub fn new(
        available: impl IntoIterator<Item = LotPart>,
        pending: impl IntoIterator<Item = Pending>,
        holds: impl IntoIterator<Item = LiveHold>,
        owed: Points,
    ) -> Option<Self> {
        let mut lots = Lots::default();
        available.into_iter().try_for_each(|part| lots.put(part))?;
        let mut pending: VecDeque<Pending> = pending.into_iter().collect();
        pending.make_contiguous().sort_by_key(|pending| pending.available_at);
        Some(Self::of_account(lots, pending, holds, owed))
    }

    pub(crate) fn of_account(
        available: Lots,
        pending: VecDeque<Pending>,
        holds: impl IntoIterator<Item = LiveHold>,
        owed: Points,
    ) -> Self {
        let holds = holds.into_iter().enumerate();
        let holds = holds.map(|(number, hold)| HeldCredit { number, hold });
        Self { available, pending, holds: holds.collect(), owed }
    }

    /// Brings the credit up to `now`, one due time after the other, and says what fell due. What
    /// fell due before `since` has been applied already.
    pub fn apply_due(&mut self, since: Timestamp, now: Timestamp) -> Vec<DueStep> {
        let (mut reached, mut applied) = (since, vec![]);
        loop {
            applied.extend(self.fall_due(reached));
            match self.next_due().filter(|due| *due > reached && *due <= now) {
                Some(due) => reached = due,
                None => return applied,
            }
        }
    }

    /// Applies all that falls due at a time.
    fn fall_due(&mut self, time: Timestamp) -> Vec<DueStep> {
        let mut applied = vec![];
        loop {
            let due = if self.comes_in(time) {
                self.come_in(time)
            } else if self.must_repay() {
                // New credit repays debt before it expires (I10).
                self.repay()
            } else if self.available.next_expiry().is_some_and(|expires| expires <= time) {
                self.expire(time)
            } else {
                None
            };
            let Some(due) = due else { return applied };
            applied.push(due);
        }
    }

    /// When something falls due next; what is owed is paid at once and never waits.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let deadlines = self.holds.iter().map(|held| held.hold.deadline);
        next_due(&self.available, &self.pending, deadlines)
    }

    /// The available parts, in spending order.
    pub fn available(&self) -> impl Iterator<Item = &LotPart> {
        self.available.iter()
    }

    /// The pending parts, the first to become available first.
    pub fn pending(&self) -> impl Iterator<Item = &Pending> {
        self.pending.iter()
    }

    /// The held parts.
    pub fn held(&self) -> impl Iterator<Item = &LotPart> {
        self.holds.iter().flat_map(|held| &held.hold.lots)
    }

    /// The debt.
    #[must_use]
    pub const fn owed(&self) -> Points {
        self.owed
    }

    fn must_repay(&self) -> bool {
        self.owed > Points::ZERO && self.available.sum() > Points::ZERO
    }

    /// Whether credit becomes available at `time`.
    fn comes_in(&self, time: Timestamp) -> bool {
        self.pending.front().is_some_and(|pending| pending.available_at <= time)
            || self.holds.iter().any(|held| held.hold.deadline <= time)
    }

    /// Matures pending credit due at `time`, or else ends the due hold with the earliest deadline.
    fn come_in(&mut self, time: Timestamp) -> Option<DueStep> {
        let pending = self.pending.iter().take_while(|part| part.available_at <= time);
        let matured: Vec<LotPart> =
            pending.take(PARTS_MAX).map(|pending| pending.part.clone()).collect();
        if !matured.is_empty() {
            self.pending.drain(..matured.len());
            self.put(&matured)?;
            return Some(DueStep::Matured(matured));
        }
        // `min_by_key` gives the first of equals, which is the older hold.
        let over = self.holds.iter().enumerate().filter(|(_, held)| held.hold.deadline <= time);
        let (index, _) = over.min_by_key(|(_, held)| held.hold.deadline)?;
        let HeldCredit { number, hold } = self.holds.remove(index);
        self.put(&hold.come_back())?;
        Some(DueStep::HoldEnded(number))
    }

    fn expire(&mut self, time: Timestamp) -> Option<DueStep> {
        let over = self.available.iter().take_while(|part| part.has_expired(time));
        let lots: Vec<LotPart> = over.take(PARTS_MAX).cloned().collect();
        self.take(&lots)?;
        Some(DueStep::Expired(lots))
    }

    fn repay(&mut self) -> Option<DueStep> {
        let (lots, _) = take_from(self.available.iter().take(PARTS_MAX), self.owed);
        self.owed = self.owed.minus(sum_of(&lots)?)?;
        self.take(&lots)?;
        Some(DueStep::Repaid(lots))
    }

    fn put(&mut self, parts: &[LotPart]) -> Option<()> {
        self.available.put_all(parts)
    }

    fn take(&mut self, parts: &[LotPart]) -> Option<()> {
        parts.iter().try_for_each(|part| self.available.take(part))
    }
}

/// When the first of these expires, matures or ends.
pub(crate) fn next_due(
    available: &Lots,
    pending: &VecDeque<Pending>,
    deadlines: impl Iterator<Item = Timestamp>,
) -> Option<Timestamp> {
    let maturing = pending.front().map(|pending| pending.available_at);
    [available.next_expiry(), maturing, deadlines.min()].into_iter().flatten().min()
}

/// Something that fell due in an account.
enum Fallen {
    Credit(UnitNumber, DueStep),
    Tier(TierStep),
}

/// What falls due goes by time over all units; at one time it goes unit by unit, in the order of
/// the units, and then ladder by ladder. Its events follow `last`.
fn apply_due_to_all(
    credits: &mut [(UnitNumber, Credit)],
    mut tiers: Option<(&mut Standings, &Ladders)>,
    [since, now]: [Timestamp; 2],
    last: Position,
) -> Vec<Fallen> {
    let (mut reached, mut applied) = (since, vec![]);
    loop {
        for (unit, credit) in credits.iter_mut() {
            let fallen = credit.fall_due(reached).into_iter();
            applied.extend(fallen.map(|due| Fallen::Credit(*unit, due)));
        }
        let mut next = credits.iter().filter_map(|(_, credit)| credit.next_due()).min();
        if let Some((standings, ladders)) = &mut tiers {
            let last = last.plus(applied.len() as u64);
            let fallen = standings.fall_due(ladders, (reached, now), last).into_iter();
            applied.extend(fallen.map(Fallen::Tier));
            next = [next, standings.next_due_of(ladders)].into_iter().flatten().min();
        }
        match next.filter(|due| *due > reached && *due <= now) {
            Some(due) => reached = due,
            None => return applied,
        }
    }
}

/// Brings an account up to `now` and appends the due events. What fell due before `since` has been
/// recorded. `last` is the place of the last event.
pub(crate) fn apply_due(
    account: &mut Account,
    id: &AccountId,
    (units, tiers): (&KnownUnits, Option<(&mut Standings, &Ladders)>),
    [since, now]: [Timestamp; 2],
    last: Place,
    events: &mut Vec<Event>,
) {
    let due = account.wallets().filter(|(_, wallet)| wallet.has_due(now));
    let mut credits: Vec<(UnitNumber, Credit)> =
        due.map(|(unit, wallet)| (unit, wallet.credit())).collect();
    let holds = account.wallets().flat_map(|(unit, wallet)| {
        let holds = wallet.holds().iter().enumerate();
        holds.map(move |(number, hold)| ((unit, number), hold.id.clone()))
    });
    let holds: HashMap<(UnitNumber, usize), HoldId> = holds.collect();
    let place = last.plus(events.len() as u64);
    for fallen in apply_due_to_all(&mut credits, tiers, [since, now], place.position) {
        let (unit, due) = match fallen {
            Fallen::Credit(unit, due) => (unit, due),
            Fallen::Tier(step) => {
                events.push(step.event(id));
                continue;
            }
        };
        let hold = match due {
            DueStep::HoldEnded(number) => holds.get(&(unit, number)),
            _ => None,
        };
        let event = units.id(unit).and_then(|of| account.wallet(unit).due_event(id, of, due, hold));
        let Some(event) = event else { return };
        let at = last.plus(events.len() as u64 + 1);
        let is_refused = account.evolve(at, now, unit, &event).is_err();
        events.push(event);
        if is_refused {
            // Unreachable: the account has the due credit.
            return;
        }
    }
}

impl Account {
    /// Whether `apply_due` has anything to do.
    pub(crate) fn has_due(&self, now: Timestamp) -> bool {
        self.wallets().any(|(_, wallet)| wallet.has_due(now))
    }
}

impl Wallet {
    fn has_due(&self, now: Timestamp) -> bool {
        self.next_due().is_some_and(|due| due <= now)
            || (self.owed() > Points::ZERO && self.available() > Points::ZERO)
    }

    /// The event that records something that fell due; `hold` is the one that ended, where one did.
    fn due_event(
        &self,
        id: &AccountId,
        unit: UnitId,
        due: DueStep,
        hold: Option<&HoldId>,
    ) -> Option<Event> {
        let id = id.clone();
        Some(match due {
            DueStep::Matured(lots) => {
                Event::CreditMatured(id, CreditMatured { unit, points: sum_of(&lots)?, lots })
            }
            DueStep::HoldEnded(_) => {
                let hold = self.hold(hold?)?;
                let until = hold.grace.until(hold.deadline, BackFor::OwnRequest);
                Event::HoldReleased(id, hold.release(unit, ReleaseReason::Deadline, until)?)
            }
            DueStep::Repaid(lots) => {
                Event::DebtRepaid(id, DebtRepaid { unit, points: sum_of(&lots)?, lots })
            }
            DueStep::Expired(lots) => {
                Event::CreditExpired(id, CreditExpired { unit, points: sum_of(&lots)?, lots })
            }
        })
    }
}

impl LiveHold {
    /// What comes back at its deadline. The grace begins then, whenever somebody looks.
    fn come_back(&self) -> Vec<LotPart> {
        with_grace(&self.lots, end_of_grace(self.deadline, self.grace_days))
    }
}

impl Hold {
    /// The event that gives all of it back, to be spent until then at least.
    pub(crate) fn release(
        &self,
        unit: UnitId,
        reason: ReleaseReason,
        grace_until: Option<Timestamp>,
    ) -> Option<HoldReleased> {
        Some(HoldReleased {
            hold_id: self.id.clone(),
            unit,
            points: sum_of(&self.lots)?,
            lots: self.lots.clone(),
            grace_until: gained(grace_until, &self.lots),
            reason,
            keeps: self.keeps.clone(),
            occurred_at: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::lot;

    fn time(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).expect("a time")
    }

    fn points(points: u64) -> Points {
        Points::sum_of(points).expect("an amount")
    }

    fn part(number: u64, amount: u64, expires_at: Option<i64>) -> LotPart {
        let (lot, points) = (lot(number), points(amount));
        LotPart { lot, points, expires_at: expires_at.map(time), graced: false }
    }

    /// Available, held, pending and owed, after what is due at a time.
    fn after(mut credit: Credit, now: i64) -> [u64; 4] {
        credit.apply_due(Timestamp::EPOCH, time(now));
        let sum = |parts: Vec<&LotPart>| parts.iter().map(|part| part.points.get()).sum();
        let pending = credit.pending().map(|pending| &pending.part).collect();
        let (available, held) = (credit.available().collect(), credit.held().collect());
        [sum(available), sum(held), sum(pending), credit.owed().get()]
    }

    fn pending(part: LotPart, available_at: i64) -> Pending {
        Pending { available_at: time(available_at), part }
    }

    fn hold(deadline: i64, lots: Vec<LotPart>, grace_days: u16) -> LiveHold {
        LiveHold { deadline: time(deadline), lots, grace_days }
    }

    #[test]
    fn the_grace_of_a_hold_begins_at_its_deadline_whenever_somebody_looks() {
        const DAY: i64 = 24 * 60 * 60 * 1_000_000;
        for (now, sums) in [(40, [70, 0, 0, 0]), (2 * DAY - 1, [70, 0, 0, 0]), (2 * DAY, [0; 4])] {
            let held = vec![part(1, 70, Some(30))];
            let credit = Credit::new([], [], [hold(40, held, 1)], points(0));
            assert_eq!(after(credit.expect("an amount"), now), sums, "at {now}");
        }
    }

    #[test]
    fn credit_counts_from_when_it_is_available_until_before_it_expires() {
        let credit =
            Credit::new([part(1, 100, Some(30))], [pending(part(2, 50, None), 20)], [], points(0));
        let credit = credit.expect("an amount");
        for (now, sums) in
            [(19, [100, 0, 50, 0]), (20, [150, 0, 0, 0]), (29, [150, 0, 0, 0]), (30, [50, 0, 0, 0])]
        {
            assert_eq!(after(credit.clone(), now), sums, "at {now}");
        }
    }

    #[test]
    fn a_hold_that_is_over_gives_back_what_has_not_expired() {
        let held = vec![part(1, 70, Some(30)), part(2, 40, None)];
        for (deadline, now, sums) in
            [(40, 39, [0, 110, 0, 0]), (40, 40, [40, 0, 0, 0]), (29, 29, [110, 0, 0, 0])]
        {
            let credit = Credit::new([], [], [hold(deadline, held.clone(), 0)], points(0));
            assert_eq!(after(credit.expect("an amount"), now), sums, "at {now}");
        }
    }

    #[test]
    fn what_comes_in_pays_debts_before_it_can_expire() {
        // It was available at 20, paid what was owed then, and the rest of it expired at 30.
        for (now, owed, sums) in
            [(40, 35, [0, 0, 0, 0]), (25, 35, [15, 0, 0, 0]), (25, 80, [0, 0, 0, 30])]
        {
            let credit = Credit::new([], [pending(part(1, 50, Some(30)), 20)], [], points(owed));
            assert_eq!(after(credit.expect("an amount"), now), sums, "{owed} owed, at {now}");
        }
    }

    #[test]
    fn it_says_what_fell_due_in_order() {
        let mut credit = Credit::new(
            [part(1, 10, Some(30))],
            [pending(part(2, 50, None), 20)],
            [hold(25, vec![part(3, 7, None)], 0)],
            points(0),
        )
        .expect("an amount");
        assert_eq!(
            credit.apply_due(Timestamp::EPOCH, time(30)),
            [
                DueStep::Matured(vec![part(2, 50, None)]),
                DueStep::HoldEnded(0),
                DueStep::Expired(vec![part(1, 10, Some(30))]),
            ]
        );
        assert_eq!(credit.next_due(), None);
    }
}

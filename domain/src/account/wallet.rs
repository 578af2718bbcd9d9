//! What an account has of one unit.

mod size;

use std::collections::VecDeque;

use log_record::{Place, Position};
use serde::{Deserialize, Serialize};

use super::caps::Earned;
use super::{Hold, Pending};
use crate::amount::AMOUNT_MAX;
use crate::debts::Debts;
use crate::due::{Credit, LiveHold, next_due};
use crate::lots::{Lots, sum_of, take_from};
use crate::tally::Tally;
use crate::unit::UnitNumber;
use crate::{
    CreditEarned, CreditGivenBack, CreditWithdrawn, Event, HoldId, LotId, LotPart, Points,
    Standings, Timestamp, WithdrawalCause,
};

/// What an account has of one unit. Units never mix, so all that credit does, it does within one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wallet {
    /// What can be spent.
    lots: Lots,
    /// How much of each lot has expired here and can still be withdrawn, by lot.
    expired: Tally,
    /// What few accounts have, so that the others needn't have room for it.
    pub(super) rare: Option<Box<Rare>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rare {
    /// The first to become available first.
    pending: VecDeque<Pending>,
    /// The oldest first.
    pub(super) holds: Vec<Hold>,
    debts: Debts,
    /// By the rules that give this unit.
    pub(super) earned: Box<[Earned]>,
    /// In the wallet of `points` alone: what the account has beside points. It stands here so that
    /// an account without any takes no byte for it.
    pub(super) further: Option<Box<Further>>,
}

/// What an account has beside points.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Further {
    /// Its wallets of further units, in the order of the units.
    wallets: Box<[(UnitNumber, Wallet)]>,
    /// Where it stands on ladders.
    pub(super) standings: Option<Box<Standings>>,
}

impl Further {
    pub(super) fn iter(&self) -> impl Iterator<Item = (UnitNumber, &Wallet)> {
        self.wallets.iter().map(|(unit, wallet)| (*unit, wallet))
    }

    pub(super) fn get(&self, unit: UnitNumber) -> Option<&Wallet> {
        self.iter().find(|(other, _)| *other == unit).map(|(_, wallet)| wallet)
    }

    /// The wallet of a unit, which comes into being where it wasn't there yet.
    pub(super) fn get_mut(&mut self, unit: UnitNumber) -> &mut Wallet {
        let index = self.wallets.partition_point(|(other, _)| *other < unit);
        if self.wallets.get(index).is_none_or(|(other, _)| *other != unit) {
            // Most accounts have one or two, so there is no room for more to come.
            let mut wallets = std::mem::take(&mut self.wallets).into_vec();
            wallets.reserve_exact(1);
            wallets.insert(index, (unit, Wallet::default()));
            self.wallets = wallets.into();
        }
        &mut self.wallets[index].1
    }
}

impl Wallet {
    /// What can be spent, whatever has fallen due since the last event.
    #[must_use]
    pub const fn available(&self) -> Points {
        self.lots.sum()
    }

    /// What can't be spent yet.
    #[must_use]
    pub fn pending(&self) -> Points {
        let parts = self.pending_parts().iter().map(|pending| pending.part.points);
        parts.fold(Points::ZERO, |sum, points| sum.plus(points).unwrap_or(sum))
    }

    /// What is set aside.
    #[must_use]
    pub fn held(&self) -> Points {
        let parts = self.holds().iter().flat_map(|hold| &hold.lots).map(|part| part.points);
        parts.fold(Points::ZERO, |sum, points| sum.plus(points).unwrap_or(sum))
    }

    /// What the account owes; while it does, nothing is available.
    #[must_use]
    pub fn owed(&self) -> Points {
        self.rare.as_ref().map(|rare| rare.debts.owed()).unwrap_or_default()
    }

    /// What is left of the debt that a withdrawal made, and what has paid the rest.
    pub(crate) fn debt_of(&self, withdrawal: Position) -> (Points, &[LotPart]) {
        const NONE: (Points, &[LotPart]) = (Points::ZERO, &[]);
        self.rare.as_ref().map_or(NONE, |rare| rare.debts.made_by(withdrawal))
    }

    /// From when on what is pending here of a lot can be spent.
    pub(crate) fn pending_until(&self, lot: LotId) -> Option<Timestamp> {
        let pending = self.pending_parts().iter().find(|pending| pending.part.lot == lot);
        pending.map(|pending| pending.available_at)
    }

    /// What can be spent, in spending order.
    pub fn lots(&self) -> impl DoubleEndedIterator<Item = &LotPart> {
        self.lots.iter()
    }

    /// What can't be spent yet, the first to become available first.
    #[must_use]
    pub const fn pending_parts(&self) -> &VecDeque<Pending> {
        const NONE: &VecDeque<Pending> = &VecDeque::new();
        match &self.rare {
            Some(rare) => &rare.pending,
            None => NONE,
        }
    }

    /// What is left here of a lot, and not held: pending, then available in spending order.
    pub(crate) fn parts_of(&self, lot: LotId) -> impl Iterator<Item = &LotPart> {
        let pending = self.pending_parts().iter().map(|pending| &pending.part);
        pending.chain(self.lots()).filter(move |part| part.lot == lot)
    }

    /// What is set aside, the oldest first.
    #[must_use]
    pub fn holds(&self) -> &[Hold] {
        self.rare.as_ref().map(|rare| &*rare.holds).unwrap_or_default()
    }

    pub(crate) fn hold(&self, id: &HoldId) -> Option<&Hold> {
        self.holds().iter().find(|hold| hold.id == *id)
    }

    /// How much of the lot has expired here and was not withdrawn after that.
    pub(crate) fn expired(&self, lot: LotId) -> Points {
        Points::sum_of(self.expired.get(lot.place().get())).unwrap_or_default()
    }

    /// Which parts `points` would draw on, or nothing where they don't suffice.
    pub(crate) fn draw(&self, points: Points) -> Option<Vec<LotPart>> {
        self.lots.draw(points)
    }

    /// Which parts up to `points` would draw on, and how many points are missing.
    pub(crate) fn draw_up_to(&self, points: Points) -> (Vec<LotPart>, Points) {
        take_from(self.lots.iter(), points)
    }

    /// Whether so much more credit is still an amount.
    pub(crate) fn has_room_for(&self, points: Points) -> bool {
        let sums = [self.available(), self.pending(), self.held()];
        sums.into_iter().try_fold(points, Points::plus).is_some()
    }

    /// How many of these parts would be new here. One that is here already only grows.
    pub(super) fn count_new(&self, coming: &[LotPart]) -> usize {
        coming.iter().filter(|part| !self.lots.has(part)).count()
    }

    /// How many parts of lots there are.
    pub(super) fn count_parts(&self) -> usize {
        let held: usize = self.holds().iter().map(|hold| hold.lots.len()).sum();
        self.lots.len() + self.pending_parts().len() + held
    }

    /// When something falls due next; what is owed is paid at once and never waits.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let Some(rare) = &self.rare else { return self.lots.next_expiry() };
        next_due(&self.lots, &rare.pending, rare.holds.iter().map(|hold| hold.deadline))
    }

    /// The credit alone, from which follows what falls due.
    pub(crate) fn credit(&self) -> Credit {
        let holds = self.holds().iter().map(|hold| LiveHold {
            deadline: hold.deadline,
            lots: hold.lots.clone(),
            grace_days: hold.grace.days_on_own_request(),
        });
        Credit::of_account(self.lots.clone(), self.pending_parts().clone(), holds, self.owed())
    }

    /// Applies what an event of this unit does; `Err` says what it breaks.
    pub(super) fn evolve(
        &mut self,
        at: Place,
        recorded_at: Timestamp,
        event: &Event,
    ) -> Result<(), &'static str> {
        match event {
            Event::CreditEarned(_, fact) => self.earn(at, recorded_at, fact),
            Event::CreditMatured(_, fact) => {
                sums_to(fact.points, &fact.lots)?;
                self.mature(&fact.lots, recorded_at).ok_or("I8: credit matured before its time")
            }
            Event::CreditDeducted(_, fact) => {
                sums_to(fact.points, &fact.lots)?;
                in_time(&fact.lots, recorded_at)?;
                self.take_all(&fact.lots).ok_or("I1: more was deducted than was available")
            }
            Event::CreditExpired(_, fact) => {
                sums_to(fact.points, &fact.lots)?;
                if !fact.lots.iter().all(|part| part.has_expired(recorded_at)) {
                    return Err("I8: credit expired before its time");
                }
                self.take_all(&fact.lots).ok_or("I1: more expired than was available")?;
                let expired =
                    fact.lots.iter().map(|part| (part.lot.place().get(), part.points.get()));
                let counted = self.expired.add_all(expired.collect(), AMOUNT_MAX);
                counted.ok_or("more expired than an amount can say")
            }
            Event::CreditRefunded(_, fact) => {
                sums_to(fact.points, &fact.lots)?;
                self.put_all(&fact.lots).ok_or(TOO_FULL)
            }
            Event::CreditWithdrawn(_, fact) => self.withdraw(at.position, fact),
            Event::WithdrawalReversed(_, fact) => self.give_back(&fact.credit, recorded_at),
            Event::CreditGivenBack(_, fact) => self.give_back(&fact.credit, recorded_at),
            Event::ReturnReversed(_, fact) => {
                fact.credit.as_ref().map_or(Ok(()), |credit| self.give_back(credit, recorded_at))
            }
            Event::DebtRepaid(_, fact) => {
                sums_to(fact.points, &fact.lots)?;
                let debts = &mut self.rare_mut().debts;
                debts.repay(&fact.lots).ok_or("more was repaid than owed")?;
                self.take_all(&fact.lots).ok_or("I1: more was repaid than was available")
            }
            Event::DebtPassedOn(_, fact) => {
                let passed = self.rare_mut().debts.pass_on(fact.points);
                passed.ok_or("another debt was passed on than there was")
            }
            Event::DebtTakenOver(_, fact) => {
                let debts = &mut self.rare_mut().debts;
                let added = debts.add(at.position, fact.points, false);
                added.ok_or("more is owed than an amount can say")
            }
            Event::CreditSent(_, fact) => {
                sums_to(fact.points, &fact.lots)?;
                in_time(&fact.lots, recorded_at)?;
                self.take_all(&fact.lots).ok_or("I1: more was sent than was available")
            }
            Event::CreditReceived(_, fact) => {
                sums_to(fact.points, &fact.lots)?;
                self.put_all(&fact.lots).ok_or(TOO_FULL)
            }
            Event::CreditReturned(_, fact) => {
                sums_to(fact.points, &fact.lots)?;
                self.put_all(&fact.lots).ok_or(TOO_FULL)
            }
            Event::CreditConverted(_, fact) => {
                sums_to(fact.points, &fact.lots)?;
                in_time(&fact.lots, recorded_at)?;
                self.take_all(&fact.lots).ok_or("I1: more was converted than was available")
            }
            Event::CreditHeld(_, fact) => {
                in_time(&fact.lots, recorded_at)?;
                self.set_aside(fact, recorded_at)
            }
            Event::HoldExtended(_, fact) => self.extend(fact, recorded_at),
            Event::HoldCaptured(_, fact) => self.capture(fact, recorded_at),
            Event::HoldSwapped(_, fact) => {
                in_time(&fact.taken, recorded_at)?;
                self.swap(fact).ok_or("a hold swapped what it hadn't, or for something else")
            }
            Event::HoldReleased(_, fact) => {
                sums_to(fact.points, &fact.lots)?;
                let hold = self.end_hold(&fact.hold_id)?;
                if hold.lots != fact.lots {
                    return Err("a hold was released with what it didn't hold");
                }
                self.put_all(&fact.came_back()).ok_or(TOO_FULL)
            }
            _ => Ok(()),
        }
    }

    fn earn(
        &mut self,
        at: Place,
        recorded_at: Timestamp,
        fact: &CreditEarned,
    ) -> Result<(), &'static str> {
        let expires_at = fact.expires_at;
        let part = LotPart { lot: at.into(), points: fact.points, expires_at, graced: false };
        // A claim's credit was counted when it was refused.
        if let (Some(rule), Some(period), None) = (&fact.rule, fact.cap_period, fact.claim) {
            self.use_room(&rule.rule_id, period, fact.points, recorded_at)?;
        }
        match fact.available_at {
            Some(available_at) if available_at > recorded_at => {
                self.put_pending(available_at, part).ok_or(TOO_FULL)
            }
            _ => self.lots.put(part).ok_or(TOO_FULL),
        }
    }

    fn mature(&mut self, parts: &[LotPart], now: Timestamp) -> Option<()> {
        for part in parts {
            let due = self.pending_parts().iter().find(|pending| pending.part.lot == part.lot)?;
            if due.available_at > now || due.part != *part {
                return None;
            }
            self.take_pending(part)?;
        }
        self.lots.put_all(parts)
    }

    /// Puts points of a lot that can be spent later; of those of one time, the lower lot comes
    /// first.
    fn put_pending(&mut self, available_at: Timestamp, part: LotPart) -> Option<()> {
        let pending = &mut self.rare_mut().pending;
        let key = |pending: &Pending| (pending.available_at, pending.part.lot);
        let index = pending.partition_point(|other| key(other) < (available_at, part.lot));
        match pending.get_mut(index).filter(|other| key(other) == (available_at, part.lot)) {
            Some(same) => same.part.points = same.part.points.plus(part.points)?,
            None => pending.insert(index, Pending { available_at, part }),
        }
        Some(())
    }

    /// Takes points of a pending lot.
    fn take_pending(&mut self, part: &LotPart) -> Option<()> {
        let pending = &mut self.rare_mut().pending;
        let index = pending.iter().position(|pending| pending.part.lot == part.lot)?;
        let left = &mut pending.get_mut(index)?.part.points;
        *left = left.minus(part.points)?;
        if *left == Points::ZERO {
            pending.remove(index);
        }
        Some(())
    }

    pub(crate) fn is_pending(&self, lot: LotId) -> bool {
        self.pending_parts().iter().any(|pending| pending.part.lot == lot)
    }

    fn withdraw(&mut self, at: Position, fact: &CreditWithdrawn) -> Result<(), &'static str> {
        let (owed, expired) = (fact.owed.unwrap_or_default(), fact.expired.unwrap_or_default());
        let forgiven = fact.forgiven.unwrap_or_default();
        if sum_with(&fact.lots, [owed, expired, forgiven]) != Some(fact.points) {
            return Err("I3: a withdrawal is the sum of its parts");
        }
        for part in &fact.lots {
            let is_pending = self.is_pending(part.lot);
            let taken = if is_pending { self.take_pending(part) } else { self.lots.take(part) };
            taken.ok_or("I1: more was withdrawn than was there")?;
        }
        if expired > Points::ZERO {
            let lot = fact.of_lot.ok_or("nothing was withdrawn of any lot")?;
            let taken = self.take_expired(lot, expired);
            taken.ok_or("more expired credit was withdrawn than had expired")?;
        }
        if let Some(room) = &fact.cap_room {
            self.give_room_back(room, fact.points)?;
        }
        if owed > Points::ZERO {
            let is_reversible = !matches!(fact.withdrawal, WithdrawalCause::Adjustment { .. });
            let added = self.rare_mut().debts.add(at, owed, is_reversible);
            added.ok_or("more is owed than an amount can say")?;
        }
        Ok(())
    }

    fn give_back(&mut self, fact: &CreditGivenBack, now: Timestamp) -> Result<(), &'static str> {
        let (owed, expired) = (fact.owed.unwrap_or_default(), fact.expired.unwrap_or_default());
        let forgiven = fact.forgiven.unwrap_or_default();
        if sum_with(&fact.lots, [owed, expired, forgiven]) != Some(fact.points) {
            return Err("I3: what is given back is the sum of its parts");
        }
        let debts = &mut self.rare_mut().debts;
        let cancelled = debts.cancel(fact.withdrawn_at.position(), owed);
        cancelled.ok_or("another debt shrank than was left of the withdrawal's")?;
        if expired > Points::ZERO {
            let lot = fact.of_lot.place().get();
            let counted = self.expired.add_all(vec![(lot, expired.get())], AMOUNT_MAX);
            counted.ok_or("more expired than an amount can say")?;
        }
        if let Some(room) = &fact.cap_room {
            self.use_room(&room.rule_id, room.period, fact.points, now)?;
        }
        for part in &fact.lots {
            let put = match fact.available_at.filter(|_| part.lot == fact.of_lot) {
                Some(available_at) => self.put_pending(available_at, part.clone()),
                None => self.lots.put(part.clone()),
            };
            put.ok_or(TOO_FULL)?;
        }
        Ok(())
    }

    fn take_expired(&mut self, lot: LotId, points: Points) -> Option<()> {
        let left = self.expired(lot).minus(points)?;
        self.expired.set(lot.place().get(), left.get());
        Some(())
    }

    pub(super) fn put_all(&mut self, parts: &[LotPart]) -> Option<()> {
        self.lots.put_all(parts)
    }

    pub(super) fn take_all(&mut self, parts: &[LotPart]) -> Option<()> {
        parts.iter().try_for_each(|part| self.lots.take(part))
    }

    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

pub(super) const TOO_FULL: &str = "an account holds more than is possible";

fn in_time(parts: &[LotPart], now: Timestamp) -> Result<(), &'static str> {
    let is_late = parts.iter().any(|part| part.has_expired(now));
    if is_late { Err("I8: credit was spent after its time") } else { Ok(()) }
}

/// The sum of some parts and of what no part stands for, where it is an amount.
fn sum_with(parts: &[LotPart], rest: [Points; 3]) -> Option<Points> {
    rest.into_iter().try_fold(sum_of(parts)?, Points::plus)
}

pub(super) fn sums_to(points: Points, parts: &[LotPart]) -> Result<(), &'static str> {
    if sum_of(parts) == Some(points) {
        Ok(())
    } else {
        Err("I3: an amount is the sum of its parts")
    }
}

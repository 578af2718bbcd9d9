//! What an account has of a unit: parts, holds and debts.

use domain::UnitId;

use super::ledger::{Account, DAY, Debt, Grace, Hold, Part, Time, Wallet};

impl Part {
    /// What expires first, then the lower lot, then the part without grace. Of two lots, the lower
    /// one is that of the lower partition, then the older.
    pub(super) fn order(&self) -> (Time, u16, usize, bool) {
        (self.expires_at.unwrap_or(Time::MAX), self.partition, self.lot, self.graced)
    }
}

pub(crate) fn sum(parts: &[Part]) -> u128 {
    parts.iter().map(|part| part.points).sum()
}

impl Grace {
    /// The parts as they come back at a time. A part gets grace once.
    pub(crate) fn given(self, parts: &[Part], now: Time, is_own_request: bool) -> Vec<Part> {
        let mut parts = parts.to_vec();
        // To the end of that day.
        let ends = (now + self.days * DAY + DAY - 1) / DAY * DAY;
        if self.days > 0 && (self.for_all || !is_own_request) {
            for part in parts.iter_mut().filter(|part| !part.graced) {
                if part.expires_at.is_some_and(|expires_at| expires_at < ends) {
                    part.expires_at = Some(ends);
                    part.graced = true;
                }
            }
        }
        parts
    }
}

/// Takes up to so many points from parts that are in the order to be taken in. What was taken, and
/// what is left.
pub(crate) fn split(parts: &[Part], points: u128) -> (Vec<Part>, Vec<Part>) {
    let (mut taken, mut left, mut missing) = (vec![], vec![], points);
    for part in parts {
        let taking = part.points.min(missing);
        missing -= taking;
        if taking > 0 {
            taken.push(Part { points: taking, ..part.clone() });
        }
        if taking < part.points {
            left.push(Part { points: part.points - taking, ..part.clone() });
        }
    }
    (taken, left)
}

impl Account {
    /// What it has of a unit.
    pub(crate) fn wallet(&self, unit: UnitId) -> Wallet {
        let wallet = self.wallets.iter().find(|wallet| wallet.unit == unit);
        wallet.cloned().unwrap_or(Wallet { unit, ..Wallet::default() })
    }

    /// Its holds of all units.
    pub(crate) fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.wallets.iter().flat_map(|wallet| &wallet.holds)
    }

    /// When the next thing happens by itself.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.wallets.iter().filter_map(Wallet::next_due).min()
    }
}

impl Wallet {
    /// What is available, pending and held.
    pub(crate) fn total(&self) -> u128 {
        self.sum_available() + self.sum_pending() + self.sum_held()
    }

    pub(crate) fn sum_available(&self) -> u128 {
        sum(&self.available)
    }

    pub(crate) fn sum_pending(&self) -> u128 {
        self.pending.iter().map(|(_, part)| part.points).sum()
    }

    pub(crate) fn sum_held(&self) -> u128 {
        self.holds.iter().map(|hold| sum(&hold.parts)).sum()
    }

    /// Makes a part available; what is the same in all but points is one part.
    pub(crate) fn put(&mut self, part: Part) {
        match self.available.iter_mut().find(|other| other.order() == part.order()) {
            Some(other) => other.points += part.points,
            None => self.available.push(part),
        }
        self.available.sort_by_key(Part::order);
    }

    pub(crate) fn put_all(&mut self, parts: &[Part]) {
        parts.iter().for_each(|part| self.put(part.clone()));
    }

    /// Takes from what is available, in spending order.
    pub(crate) fn spend(&mut self, points: u128) -> Vec<Part> {
        let (taken, left) = split(&self.available, points);
        self.available = left;
        taken
    }

    pub(crate) fn owe(&mut self, points: u128, withdrawal: Option<usize>) {
        self.owed += points;
        if points > 0 {
            self.debts.push(Debt { withdrawal, left: points, paid: vec![] });
        }
    }

    /// Credit pays the oldest debt first.
    pub(super) fn pay(&mut self, part: &Part) {
        self.owed -= part.points;
        let mut rest = part.points;
        for debt in self.debts.iter_mut().filter(|debt| debt.left > 0) {
            let paying = rest.min(debt.left);
            debt.left -= paying;
            rest -= paying;
            if paying > 0 {
                debt.paid.push(Part { points: paying, ..part.clone() });
            }
        }
    }

    /// When the next thing happens by itself.
    pub(super) fn next_due(&self) -> Option<Time> {
        let mut times = vec![];
        times.extend(self.pending.iter().map(|(at, _)| *at));
        times.extend(self.holds.iter().map(|hold| hold.deadline));
        times.extend(self.available.iter().filter_map(|part| part.expires_at));
        times.into_iter().min()
    }
}

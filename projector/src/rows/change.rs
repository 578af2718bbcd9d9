//! By how much credit changes.

use std::ops::AddAssign;

use read_model::{AccountBalance, LedgerEntry, UnitBalance};

/// By how much an account's credit changes, or a part of a lot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) available: i64,
    pub(crate) held: i64,
    pub(crate) pending: i64,
    pub(crate) owed: i64,
}

impl Change {
    pub(super) const NONE: Self = Self { available: 0, held: 0, pending: 0, owed: 0 };
    // What happens to each point:
    pub(super) const COMES: Self = Self { available: 1, ..Self::NONE };
    pub(super) const GOES: Self = Self { available: -1, ..Self::NONE };
    pub(super) const BEGINS_PENDING: Self = Self { pending: 1, ..Self::NONE };
    pub(super) const GOES_PENDING: Self = Self { pending: -1, ..Self::NONE };
    pub(super) const MATURES: Self = Self { pending: -1, available: 1, ..Self::NONE };
    pub(super) const PAYS_DEBT: Self = Self { available: -1, owed: -1, ..Self::NONE };
    pub(super) const IS_HELD: Self = Self { available: -1, held: 1, ..Self::NONE };
    pub(super) const IS_CAPTURED: Self = Self { held: -1, ..Self::NONE };
    pub(super) const IS_RELEASED: Self = Self { held: -1, available: 1, ..Self::NONE };

    pub(super) const fn times(self, points: i64) -> Self {
        Self {
            available: self.available * points,
            held: self.held * points,
            pending: self.pending * points,
            owed: self.owed * points,
        }
    }

    pub(super) const fn add_to_balance(self, balance: &mut AccountBalance) {
        balance.available += self.available;
        balance.held += self.held;
        balance.pending += self.pending;
        balance.owed += self.owed;
    }

    pub(super) const fn add_to_unit(self, balance: &mut UnitBalance) {
        balance.available += self.available;
        balance.held += self.held;
        balance.pending += self.pending;
        balance.owed += self.owed;
    }

    /// The entry's points are by how much the whole changes: what the account has less what it
    /// owes.
    pub(super) const fn add_to_entry(self, entry: &mut LedgerEntry) {
        entry.points += self.available + self.held + self.pending - self.owed;
        entry.available += self.available;
        entry.held += self.held;
        entry.pending += self.pending;
    }
}

impl AddAssign for Change {
    fn add_assign(&mut self, other: Self) {
        self.available += other.available;
        self.held += other.held;
        self.pending += other.pending;
        self.owed += other.owed;
    }
}

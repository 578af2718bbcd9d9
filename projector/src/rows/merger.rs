//! Accounts that were merged, and what they count and owe no more.

use domain::{AccountId, AccountMerged, DebtPassedOn, DebtTakenOver, Event, UnitId};
use read_model::{LedgerEntry, Merger, Total};

use super::credit::entry;
use super::{At, Change, Rows, int};

impl Rows {
    pub(super) fn merged(&mut self, at: At<'_>, account_id: &AccountId, fact: &AccountMerged) {
        self.opened(at, account_id);
        self.mergers.push(Merger {
            account_id: account_id.to_string(),
            into_id: fact.into.to_string(),
            place: at.place(),
            recorded_at: at.recorded_at.micros(),
        });
    }

    /// What is shown of the account has changed, because it shows the other, too.
    pub(super) fn took_over(&mut self, at: At<'_>, account_id: &AccountId) {
        self.opened(at, account_id);
    }

    /// What an account counted goes to another, or comes from one. What is shown of either changes.
    pub(super) fn counts_moved(&mut self, at: At<'_>, account_id: &AccountId, event: Event) {
        self.opened(at, account_id);
        if event.is_of_tier() {
            self.tier_step(at, event);
        }
    }

    pub(super) fn debt_passed_on(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &DebtPassedOn,
    ) {
        let DebtPassedOn { to, unit, points } = fact;
        let owed = -int(points.get());
        self.owes("debt-passed-on", at, (account_id, to), (*unit, owed));
    }

    pub(super) fn debt_taken_over(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &DebtTakenOver,
    ) {
        let DebtTakenOver { from, unit, points } = fact;
        let owed = int(points.get());
        self.owes("debt-taken-over", at, (account_id, from), (*unit, owed));
    }

    /// By how much more an account owes, or less: as if so much more or less had been withdrawn.
    fn owes(
        &mut self,
        kind: &str,
        at: At<'_>,
        (account_id, other): (&AccountId, &AccountId),
        (unit, owed): (UnitId, i64),
    ) {
        self.totals.add(unit, Total::Withdrawn, owed);
        let change = Change { owed, ..Change::NONE };
        self.change_balance(at, account_id, unit, change);
        self.entries.push(LedgerEntry {
            counterparty: Some(other.to_string()),
            lots: Some("[]".into()),
            ..entry(kind, at, account_id, unit, change)
        });
    }
}

//! What a batch adds to the sums over all accounts.

use std::collections::BTreeMap;

use domain::UnitId;
use log_record::Partition;
use read_model::{CreditMonth, ProgrammeTotal, Total, month_of_expiry, split_sum};

use super::{PartChange, Rows, int};

/// What is added to each total of each unit; the number of accounts and what else is of no unit
/// stands with `points`. One to which 0 is added counts, too: so the same totals have a row however
/// the log is cut into batches.
#[derive(Debug, Default)]
pub(crate) struct Totals(BTreeMap<(UnitId, Total), i128>);

/// The rows that a batch's sums are.
#[derive(Debug)]
pub(crate) struct TotalRows {
    pub(crate) totals: Vec<ProgrammeTotal>,
    pub(crate) months: Vec<CreditMonth>,
}

impl Totals {
    pub(super) fn add(&mut self, unit: UnitId, total: Total, number: i64) {
        *self.0.entry((unit, total)).or_default() += i128::from(number);
    }
}

impl Rows {
    /// Adds what there is to what has flowed, once the withdrawals are applied. So many of the
    /// batch's accounts had no balance before it.
    pub(crate) fn sum_up(&mut self, partition: Partition, new_accounts: usize) -> TotalRows {
        let totals = &mut self.totals;
        let of_points = self.balances.values();
        let of_points =
            of_points.map(|it| (UnitId::POINTS, [it.available, it.held, it.pending, it.owed]));
        let of_further = self.unit_balances.iter();
        let of_further =
            of_further.map(|((_, unit), it)| (*unit, [it.available, it.held, it.pending, it.owed]));
        for (unit, [available, held, pending, owed]) in of_points.chain(of_further) {
            totals.add(unit, Total::Available, available);
            totals.add(unit, Total::Held, held);
            totals.add(unit, Total::Pending, pending);
            totals.add(unit, Total::Owed, owed);
        }
        if !self.balances.is_empty() {
            totals.add(UnitId::POINTS, Total::Accounts, int(new_accounts as u64));
        }
        let mut months = BTreeMap::<(UnitId, String), i128>::new();
        for (key, PartChange { change, .. }) in &self.parts {
            let points = [change.available, change.held, change.pending].map(i128::from);
            *months.entry((key.unit, month_of_expiry(key.expires_at))).or_default() +=
                points.iter().sum::<i128>();
        }
        let partition = i64::from(partition.0);
        let totals = totals.0.iter().map(|((unit, total), sum)| {
            let (high, low) = split_sum(*sum);
            let (unit, name) = (unit.to_string(), total.as_str().to_owned());
            ProgrammeTotal { partition, unit, name, high, low }
        });
        let months = months.into_iter().map(|((unit, month), sum)| {
            let (high, low) = split_sum(sum);
            CreditMonth { partition, unit: unit.to_string(), month, high, low }
        });
        TotalRows { totals: totals.collect(), months: months.collect() }
    }
}

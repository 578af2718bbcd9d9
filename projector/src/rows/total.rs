//! What a batch adds to the sums over all accounts.

use std::collections::BTreeMap;

use log_record::Partition;
use read_model::{CreditMonth, ProgrammeTotal, Total, month_of_expiry, split_sum};

use super::{PartChange, Rows, int};

/// What is added to each total. One to which 0 is added counts, too: so the same totals have a row
/// however the log is cut into batches.
#[derive(Debug, Default)]
pub(crate) struct Totals(BTreeMap<Total, i128>);

/// The rows that a batch's sums are.
#[derive(Debug)]
pub(crate) struct TotalRows {
    pub(crate) totals: Vec<ProgrammeTotal>,
    pub(crate) months: Vec<CreditMonth>,
}

impl Totals {
    pub(super) fn add(&mut self, total: Total, number: i64) {
        *self.0.entry(total).or_default() += i128::from(number);
    }
}

impl Rows {
    /// Adds what there is to what has flowed, once the withdrawals are applied. So many of the
    /// batch's accounts had no balance before it.
    pub(crate) fn sum_up(&mut self, partition: Partition, new_accounts: usize) -> TotalRows {
        let totals = &mut self.totals;
        for balance in self.balances.values() {
            totals.add(Total::Available, balance.available);
            totals.add(Total::Held, balance.held);
            totals.add(Total::Pending, balance.pending);
            totals.add(Total::Owed, balance.owed);
        }
        if !self.balances.is_empty() {
            totals.add(Total::Accounts, int(new_accounts as u64));
        }
        let mut months = BTreeMap::<String, i128>::new();
        for (key, PartChange { change, .. }) in &self.parts {
            let points = [change.available, change.held, change.pending].map(i128::from);
            *months.entry(month_of_expiry(key.expires_at)).or_default() +=
                points.iter().sum::<i128>();
        }
        let partition = i64::from(partition.0);
        let totals = totals.0.iter().map(|(total, sum)| {
            let (high, low) = split_sum(*sum);
            ProgrammeTotal { partition, name: total.as_str().to_owned(), high, low }
        });
        let months = months.into_iter().map(|(month, sum)| {
            let (high, low) = split_sum(sum);
            CreditMonth { partition, month, high, low }
        });
        TotalRows { totals: totals.collect(), months: months.collect() }
    }
}

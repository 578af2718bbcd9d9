//! The history as the ledger is told it: day by day.
//!
//! It reads no file and asks no ledger.

use std::collections::BTreeMap;

use super::credits::Credit;
use super::day::Day;
use super::rows::Redemption;

/// What happened on one day, each in the file's order.
#[derive(Debug, Default)]
pub(crate) struct DayRows {
    pub(crate) credits: Vec<Credit>,
    pub(crate) redemptions: Vec<Redemption>,
}

/// All rows by their day, the earliest day first.
pub(crate) fn by_day(credits: Vec<Credit>, redemptions: Vec<Redemption>) -> BTreeMap<Day, DayRows> {
    let mut days: BTreeMap<Day, DayRows> = BTreeMap::new();
    for credit in credits {
        days.entry(credit.purchase.day()).or_default().credits.push(credit);
    }
    for redemption in redemptions {
        days.entry(redemption.day).or_default().redemptions.push(redemption);
    }
    days
}

/// One list for every account, each in the order of `redemptions`: an account's next redemption
/// waits for its last one, because the credit may suffice for the first and not for the second.
pub(crate) fn by_account(redemptions: Vec<Redemption>) -> Vec<Vec<Redemption>> {
    let mut accounts: BTreeMap<Box<str>, Vec<Redemption>> = BTreeMap::new();
    for redemption in redemptions {
        accounts.entry(redemption.account_id.clone()).or_default().push(redemption);
    }
    accounts.into_values().collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::csv_rows::Place;

    fn redemption(row: u64, account_id: &str, day: &str) -> Redemption {
        Redemption {
            place: Place { file: Arc::from(Path::new("redemptions.csv")), line: row + 1 },
            row,
            account_id: account_id.into(),
            product_id: "cup".into(),
            day: Day::parse(day).unwrap(),
        }
    }

    #[test]
    fn days_come_in_the_calendars_order_and_rows_in_the_files() {
        let rows = [(1, "ann", "2017-03-02"), (2, "ben", "2017-03-01"), (3, "ann", "2017-03-02")];
        let redemptions = rows.map(|(row, account, day)| redemption(row, account, day)).into();
        let days = by_day(Vec::new(), redemptions);
        let found: Vec<(String, Vec<u64>)> = days
            .into_iter()
            .map(|(day, rows)| (day.to_string(), rows.redemptions.iter().map(|r| r.row).collect()))
            .collect();
        assert_eq!(found, [("2017-03-01".into(), vec![2]), ("2017-03-02".into(), vec![1, 3])]);
    }

    #[test]
    fn an_accounts_redemptions_stay_in_order() {
        let rows = [(1, "ann"), (2, "ben"), (3, "ann")];
        let lists =
            by_account(rows.map(|(row, account)| redemption(row, account, "2017-03-01")).into());
        let found: Vec<Vec<u64>> =
            lists.iter().map(|list| list.iter().map(|r| r.row).collect()).collect();
        assert_eq!(found, [vec![1, 3], vec![2]]);
    }
}

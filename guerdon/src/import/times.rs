//! Whether the times of a history can be right. A log that goes by its commands can't go back, so
//! one row with a wrong year would let all credit expire, for ever.

use chrono::{DateTime, TimeDelta, Utc};
use trace::unix_micros;

use super::error::ImportError;
use super::rows::{Purchase, Redemption};
use crate::csv_rows::Place;

/// How far a purchase may be ahead of this machine's clock: as far as the ledger lets it.
const AHEAD_MAX: TimeDelta = TimeDelta::seconds(60);

/// A history with a longer pause needs `--allow-jump`.
const PAUSE_MAX: TimeDelta = TimeDelta::days(366);

/// What a row says of time.
struct Row<'a> {
    place: &'a Place,
    at: DateTime<Utc>,
    /// Its column and value, as a sentence begins.
    said: String,
}

/// Names every row that lies in the future. Unless `allow_jump`, also names every row that comes
/// more than a year after the row before it in its file's order of time.
pub(crate) fn check(
    purchases: &[Purchase],
    redemptions: &[Redemption],
    allow_jump: bool,
) -> Result<(), ImportError> {
    let now = wall_clock();
    let purchases = purchases.iter().map(|row| Row {
        place: &row.place,
        at: row.at,
        said: format!("purchased_at is {}", row.purchased_at),
    });
    let redemptions = redemptions.iter().map(|row| Row {
        place: &row.place,
        at: row.day.end(),
        said: format!("redeemed_on is {}", row.day),
    });
    let mut sentences = Vec::new();
    let mut jumps = Vec::new();
    for (mut rows, grace, future) in [
        (purchases.collect::<Vec<_>>(), AHEAD_MAX, "which is in the future"),
        (redemptions.collect(), TimeDelta::zero(), "a day that isn't over"),
    ] {
        rows.sort_by_key(|row| row.at);
        let ahead = rows.iter().filter(|row| row.at > now + grace);
        sentences.extend(ahead.map(|row| format!("{}: {}, {future}", row.place, row.said)));
        let pairs = rows.windows(2).filter_map(|pair| Some((pair.first()?, pair.last()?)));
        jumps.extend(pairs.filter(|(before, row)| row.at - before.at > PAUSE_MAX).map(
            |(before, row)| {
                let days = (row.at - before.at).num_days();
                let (place, said) = (row.place, &row.said);
                format!(
                    "{place}: {said}, {days} days after the row before in time, {}",
                    before.place
                )
            },
        ));
    }
    if !sentences.is_empty() {
        return Err(ImportError::rows(sentences));
    }
    if !jumps.is_empty() && !allow_jump {
        return Err(ImportError::jumps(jumps));
    }
    Ok(())
}

/// The ledger's clock can't be asked.
fn wall_clock() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(unix_micros()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::import::day::Day;

    fn purchases(times: &[&str]) -> Vec<Purchase> {
        let file: Arc<Path> = Arc::from(Path::new("p.csv"));
        let purchase = |(line, time): (u64, &&str)| Purchase {
            place: Place { file: Arc::clone(&file), line },
            account_id: "ann".into(),
            purchase_id: line.to_string().into(),
            purchased_at: (*time).into(),
            at: time.parse().unwrap(),
            amount_cents: 100,
        };
        (2..).zip(times).map(purchase).collect()
    }

    fn redemption(day: &str) -> Redemption {
        Redemption {
            place: Place { file: Arc::from(Path::new("r.csv")), line: 2 },
            row: 1,
            account_id: "ann".into(),
            product_id: "cup".into(),
            day: Day::parse(day).unwrap(),
        }
    }

    #[test]
    fn a_row_of_the_future_is_named_and_nothing_lets_it_pass() {
        let rows = purchases(&["2017-01-02T10:00:00Z", "2207-01-02T10:00:00Z"]);
        let error = check(&rows, &[], true).unwrap_err().to_string();
        assert!(error.contains("p.csv, line 3: purchased_at is 2207"), "{error}");
        assert!(error.contains("nothing was sent"), "{error}");
        let today = wall_clock().date_naive().to_string();
        let error = check(&[], &[redemption(&today)], true).unwrap_err().to_string();
        assert!(error.contains("r.csv, line 2: redeemed_on is"), "{error}");
    }

    #[test]
    fn a_jump_of_more_than_a_year_asks_for_a_word() {
        // In the order of time, whatever the file's is.
        let rows =
            purchases(&["2017-01-02T10:00:00Z", "2001-03-02T10:00:00Z", "2016-06-02T10:00:00Z"]);
        let error = check(&rows, &[], false).unwrap_err().to_string();
        assert!(error.contains("p.csv, line 4: purchased_at is 2016-06-02T10:00:00Z, 5571 days"));
        assert!(error.contains("p.csv, line 3") && error.contains("--allow-jump"), "{error}");
        check(&rows, &[], true).unwrap();
        let leap = purchases(&["2015-03-01T00:00:00Z", "2016-03-01T00:00:00Z"]);
        check(&leap, &[redemption("2024-02-29")], false).unwrap();
    }
}

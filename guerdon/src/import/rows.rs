//! The two files of a history, read and checked row by row.
//!
//! What is wrong is found before anything is sent, and shown with the row's file and line.

use std::collections::HashMap;
use std::path::Path;

use chrono::{DateTime, Datelike as _, Days, SecondsFormat, Utc};
use serde::Deserialize;

use super::day::Day;
use super::error::ImportError;
use crate::csv_rows::{
    ACCOUNT_ID_CHARACTERS_MAX, Columns, FilePrint, ID_CHARACTERS_MAX, Place, id, read_rows,
};

const PURCHASE_COLUMNS: Columns<'_> = Columns {
    needed: &["account_id", "purchase_id", "purchased_at", "amount_cents"],
    optional: &[],
};
const REDEMPTION_COLUMNS: Columns<'_> =
    Columns { needed: &["account_id", "product_id", "campaign_id", "redeemed_on"], optional: &[] };

/// A basket that was bought.
#[derive(Clone, Debug)]
pub(crate) struct Purchase {
    pub(crate) place: Place,
    pub(crate) account_id: Box<str>,
    pub(crate) purchase_id: Box<str>,
    /// RFC 3339 in UTC, passed on as it stands.
    pub(crate) purchased_at: Box<str>,
    pub(crate) at: DateTime<Utc>,
    pub(crate) amount_cents: u64,
}

/// A coupon that was redeemed.
#[derive(Clone, Debug)]
pub(crate) struct Redemption {
    pub(crate) place: Place,
    /// The row's number in its file, from 1, the header not counted.
    pub(crate) row: u64,
    pub(crate) account_id: Box<str>,
    pub(crate) product_id: Box<str>,
    pub(crate) day: Day,
}

impl Purchase {
    /// The day on which it was bought.
    pub(crate) fn day(&self) -> Day {
        Day::of(self.at)
    }

    /// So many times 24 hours after it was bought.
    pub(crate) fn days_later(&self, days: u32) -> Result<String, String> {
        let later = self.at.checked_add_days(Days::new(days.into()));
        // The ledger's times have four digits for the year.
        let later = later.filter(|time| time.year() <= 9_999);
        let later = later.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        later.ok_or_else(|| {
            format!(
                "{}: purchased_at is {}, and there is no time {days} days later",
                self.place, self.purchased_at
            )
        })
    }
}

impl Redemption {
    /// The exchange's id. It comes from the row's place, so asking again is a repeat.
    pub(crate) fn exchange_id(&self) -> String {
        format!("cj-{}", self.row)
    }
}

/// Every basket of the file. A basket that stands twice is an error: the second would look like a
/// repeat of an earlier import.
pub(crate) fn read_purchases(file: &Path) -> Result<(Vec<Purchase>, FilePrint), ImportError> {
    let mut lines: HashMap<(Box<str>, Box<str>), u64> = HashMap::new();
    let read = read_rows(file, &PURCHASE_COLUMNS, |place, _row, columns: PurchaseColumns| {
        let purchase = columns.check(place)?;
        let line = purchase.place.line;
        let basket = (purchase.account_id.clone(), purchase.purchase_id.clone());
        match lines.insert(basket, line) {
            None => Ok(purchase),
            Some(first) => Err(format!(
                "the basket {} of {} already stands in line {first}",
                purchase.purchase_id, purchase.account_id
            )),
        }
    });
    read.map_err(ImportError::from)
}

/// Every redemption of the file.
pub(crate) fn read_redemptions(file: &Path) -> Result<(Vec<Redemption>, FilePrint), ImportError> {
    let read = read_rows(file, &REDEMPTION_COLUMNS, |place, row, columns: RedemptionColumns| {
        Ok(Redemption {
            place,
            row,
            account_id: id("account_id", ACCOUNT_ID_CHARACTERS_MAX, columns.account_id)?,
            product_id: id("product_id", ID_CHARACTERS_MAX, columns.product_id)?,
            day: Day::parse(&columns.redeemed_on).ok_or_else(|| {
                format!("redeemed_on is {:?}, not a date as in 2017-01-31", columns.redeemed_on)
            })?,
        })
    });
    read.map_err(ImportError::from)
}

#[derive(Deserialize)]
struct PurchaseColumns {
    account_id: Box<str>,
    purchase_id: Box<str>,
    purchased_at: Box<str>,
    amount_cents: u64,
}

#[derive(Deserialize)]
struct RedemptionColumns {
    account_id: Box<str>,
    product_id: Box<str>,
    redeemed_on: Box<str>,
}

impl PurchaseColumns {
    fn check(self, place: Place) -> Result<Purchase, String> {
        let text = Some(&*self.purchased_at).filter(|text| text.ends_with('Z'));
        let at = text.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        let at = at.map(|time| time.to_utc()).ok_or_else(|| {
            format!("purchased_at is {:?}, not as in 2017-01-31T11:53:26Z", self.purchased_at)
        })?;
        Ok(Purchase {
            place,
            account_id: id("account_id", ACCOUNT_ID_CHARACTERS_MAX, self.account_id)?,
            purchase_id: id("purchase_id", ID_CHARACTERS_MAX, self.purchase_id)?,
            purchased_at: self.purchased_at,
            at,
            amount_cents: self.amount_cents,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const HEADER: &str = "account_id,purchase_id,purchased_at,amount_cents\n";

    fn file_of(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn purchases(rows: &str) -> Result<Vec<Purchase>, String> {
        let file = file_of(format!("{HEADER}{rows}").as_bytes());
        let name = file.path().display().to_string();
        match read_purchases(file.path()) {
            Ok((rows, _)) => Ok(rows),
            Err(error) => Err(error.to_string().replace(&name, "p.csv")),
        }
    }

    #[test]
    fn a_basket_is_read_with_its_day_and_line() {
        let rows = purchases("hh-1,b-1,2017-01-02T11:53:26Z,1250\n").unwrap();
        assert_eq!(rows[0].amount_cents, 1_250);
        assert_eq!(rows[0].day().to_string(), "2017-01-02");
        assert_eq!(rows[0].place.line, 2);
    }

    #[test]
    fn a_redemptions_exchange_id_is_its_rows_number() {
        let text = "account_id,product_id,campaign_id,redeemed_on\nhh-1,cup,26,2017-01-01\n";
        let (rows, print) = read_redemptions(file_of(text.as_bytes()).path()).unwrap();
        assert_eq!(rows[0].exchange_id(), "cj-1");
        assert_eq!(print.rows, 1);
    }

    #[test]
    fn every_malformed_row_has_a_sentence_with_its_line() {
        for (rows, sentence) in [
            (
                "hh-1,b-1,2017-01-02T11:53:26Z,-5",
                "amount_cents is \"-5\", and can't be read: invalid",
            ),
            ("hh-1,b-1,2017-01-02T11:53:26Z", "it has 3 columns, not 4"),
            ("hh-1,b-1,yesterday,5", "purchased_at is \"yesterday\", not as in"),
            ("hh-1,b-1,2017-01-02T11:53:26+01:00,5", "purchased_at is"),
            ("hh-1,b-1,2017-02-29T11:53:26Z,5", "purchased_at is"),
            ("hh/1,b-1,2017-01-02T11:53:26Z,5", "account_id is \"hh/1\", not 1 to 128"),
            ("..,b-1,2017-01-02T11:53:26Z,5", "account_id is \"..\""),
            (",b-1,2017-01-02T11:53:26Z,5", "account_id is \"\""),
        ] {
            let good = "hh-9,b-0,2017-01-02T11:53:26Z,5\n";
            let error = purchases(&format!("{good}{rows}\n")).unwrap_err();
            assert!(error.contains(&format!("p.csv, line 3: {sentence}")), "{rows}: {error}");
        }
    }

    #[test]
    fn a_basket_that_stands_twice_is_malformed() {
        let row = "hh-1,b-1,2017-01-02T11:53:26Z,5\n";
        let error = purchases(&row.repeat(2)).unwrap_err();
        assert!(error.contains("p.csv, line 3: the basket b-1 of hh-1 already stands in line 2"));
    }

    #[test]
    fn all_malformed_rows_are_told_at_once() {
        let error = purchases("hh-1,b-1,x,5\nhh-1,b-2,x,5\n").unwrap_err();
        assert!(error.contains("line 2") && error.contains("line 3"), "{error}");
    }

    #[test]
    fn other_columns_are_refused() {
        let error = read_redemptions(file_of(HEADER.as_bytes()).path()).unwrap_err();
        assert!(error.to_string().contains("the columns are account_id,purchase_id"));
    }

    #[test]
    fn gzip_is_read_as_the_text_that_it_packs() {
        let text = format!("{HEADER}hh-1,b-1,2017-01-02T11:53:26Z,1250\n");
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        let (rows, _) = read_purchases(file_of(&packer.finish().unwrap()).path()).unwrap();
        assert_eq!(rows.len(), 1);
    }
}

//! The two files of a history, read and checked row by row.
//!
//! What is wrong is found before anything is sent, and shown with the row's file and line.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Datelike as _, Days, SecondsFormat, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::day::Day;
use super::error::ImportError;
use super::place::Place;

/// The longest id that the ledger takes.
const ID_CHARACTERS_MAX: usize = 64;

/// The longest id of an account.
const ACCOUNT_ID_CHARACTERS_MAX: usize = 128;

/// What a file of gzip begins with, whatever its name is.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

const PURCHASE_COLUMNS: [&str; 4] = ["account_id", "purchase_id", "purchased_at", "amount_cents"];
const REDEMPTION_COLUMNS: [&str; 4] = ["account_id", "product_id", "campaign_id", "redeemed_on"];

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

/// By what the journal knows a file again. Two files that agree in all three are taken for one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FilePrint {
    pub(crate) bytes: usize,
    pub(crate) crc32: u32,
    pub(crate) rows: usize,
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
    read_rows(file, &PURCHASE_COLUMNS, |place, _row, columns: PurchaseColumns| {
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
    })
}

/// Every redemption of the file.
pub(crate) fn read_redemptions(file: &Path) -> Result<(Vec<Redemption>, FilePrint), ImportError> {
    read_rows(file, &REDEMPTION_COLUMNS, |place, row, columns: RedemptionColumns| {
        Ok(Redemption {
            place,
            row,
            account_id: id("account_id", ACCOUNT_ID_CHARACTERS_MAX, columns.account_id)?,
            product_id: id("product_id", ID_CHARACTERS_MAX, columns.product_id)?,
            day: Day::parse(&columns.redeemed_on).ok_or_else(|| {
                format!("redeemed_on is {:?}, not a date as in 2017-01-31", columns.redeemed_on)
            })?,
        })
    })
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

/// An id that may stand in a path as it is. Of dots alone it would be read as a step in the path.
fn id(column: &str, most: usize, text: Box<str>) -> Result<Box<str>, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    let fits = (1..=most).contains(&text.len());
    if fits && text.bytes().all(allowed) && text.bytes().any(|byte| byte != b'.') {
        return Ok(text);
    }
    Err(format!("{column} is {text:?}, not 1 to {most} letters, digits and -_.:"))
}

/// Reads the whole file before anything is sent: a malformed last row shall not stop an import in
/// its middle. A year of a large shop is some tens of megabytes.
fn read_rows<C, R>(
    file: &Path,
    columns: &[&str],
    mut check: impl FnMut(Place, u64, C) -> Result<R, String>,
) -> Result<(Vec<R>, FilePrint), ImportError>
where
    C: DeserializeOwned,
{
    let unreadable = |source| ImportError::Unreadable { file: file.into(), source };
    let bytes = std::fs::read(file).map_err(unreadable)?;
    let mut crc = flate2::Crc::new();
    crc.update(&bytes);
    let text = unpack(&bytes).map_err(unreadable)?;
    let mut reader = csv::Reader::from_reader(text.as_slice());
    let file: Arc<Path> = Arc::from(file);
    let place = |line| Place { file: Arc::clone(&file), line };

    let headers =
        reader.headers().map_err(|error| ImportError::rows(vec![bad(place(1), &error)]))?;
    if headers != columns {
        let (found, wanted) = (headers.iter().collect::<Vec<_>>().join(","), columns.join(","));
        let sentence = format!("{}: the columns are {found}, not {wanted}", place(1));
        return Err(ImportError::rows(vec![sentence]));
    }
    let headers = headers.clone();
    let (mut rows, mut sentences) = (Vec::new(), Vec::new());
    for (row, record) in (1..).zip(reader.records()) {
        let line = |position: Option<&csv::Position>| position.map_or(row + 1, csv::Position::line);
        match record {
            Err(error) => sentences.push(bad(place(line(error.position())), &error)),
            Ok(record) => {
                let place = place(line(record.position()));
                match record.deserialize::<C>(Some(&headers)) {
                    Err(error) => {
                        let sentence = unread(&error, &headers, &record);
                        sentences.push(sentence.map_or_else(
                            || bad(place.clone(), &error),
                            |sentence| format!("{place}: {sentence}"),
                        ));
                    }
                    Ok(found) => match check(place.clone(), row, found) {
                        Ok(found) => rows.push(found),
                        Err(sentence) => sentences.push(format!("{place}: {sentence}")),
                    },
                }
            }
        }
    }
    if !sentences.is_empty() {
        return Err(ImportError::rows(sentences));
    }
    let print = FilePrint { bytes: bytes.len(), crc32: crc.sum(), rows: rows.len() };
    Ok((rows, print))
}

fn unpack(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    if !bytes.starts_with(&GZIP_MAGIC) {
        return Ok(bytes.to_vec());
    }
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut text)?;
    Ok(text)
}

/// Which column's value can't be read, and why not.
fn unread(
    error: &csv::Error,
    headers: &csv::StringRecord,
    record: &csv::StringRecord,
) -> Option<String> {
    let csv::ErrorKind::Deserialize { err, .. } = error.kind() else { return None };
    let field = usize::try_from(err.field()?).ok()?;
    let (column, value) = (headers.get(field)?, record.get(field)?);
    Some(format!("{column} is {value:?}, and can't be read: {}", err.kind()))
}

/// The reader's complaint, without the place that it would give a second time.
fn bad(place: Place, error: &csv::Error) -> String {
    let sentence = match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} columns, not {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".to_owned(),
        _ => error.to_string(),
    };
    format!("{place}: {sentence}")
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

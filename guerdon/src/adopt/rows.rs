//! The old system's files, read and checked row by row before anything is sent.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use chrono::DateTime;
use domain::AMOUNT_MAX;
use serde::Deserialize;

use super::FileArgs;
use crate::csv_rows::{
    ACCOUNT_ID_CHARACTERS_MAX, Columns, ID_CHARACTERS_MAX, Place, RowsError, id, read_rows,
};

/// The longest id of a row: what it becomes in the ledger has more letters before it.
const ROW_ID_CHARACTERS_MAX: usize = 48;

/// The unit where a row names none.
const POINTS: &str = "points";

const LOTS: Columns<'_> = Columns {
    needed: &["row_id", "account_id", "points"],
    optional: &["unit", "available_at", "expires_at", "earned_at"],
};
const TIERS: Columns<'_> =
    Columns { needed: &["row_id", "account_id", "ladder", "tier", "until"], optional: &["reason"] };
const EXCHANGES: Columns<'_> = Columns {
    needed: &["exchange_id", "account_id", "offer_id", "quantity", "prices"],
    optional: &["deliver_to", "expires_at", "ordered_at"],
};
const BALANCES: Columns<'_> =
    Columns { needed: &["account_id", "available"], optional: &["unit", "pending", "held"] };

/// All that the files hold.
pub(super) struct Files {
    pub(super) tiers: Vec<Grant>,
    pub(super) exchanges: Vec<OpenExchange>,
    pub(super) lots: Vec<Lot>,
    pub(super) balances: Option<Vec<OldBalance>>,
}

/// Credit that an account has in the old system.
#[derive(Clone, Debug)]
pub(super) struct Lot {
    pub(super) place: Place,
    pub(super) row_id: Box<str>,
    pub(super) account_id: Box<str>,
    pub(super) unit: Box<str>,
    pub(super) points: u64,
    pub(super) available_at: Option<Box<str>>,
    pub(super) expires_at: Option<Box<str>>,
    pub(super) earned_at: Option<Box<str>>,
}

/// A tier that an account has in the old system.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) place: Place,
    pub(super) row_id: Box<str>,
    pub(super) account_id: Box<str>,
    pub(super) ladder: Box<str>,
    pub(super) tier: Box<str>,
    pub(super) until: Box<str>,
    pub(super) reason: Option<Box<str>>,
}

/// An exchange that was paid in the old system, and whose goods are still to be shipped.
#[derive(Clone, Debug)]
pub(super) struct OpenExchange {
    pub(super) place: Place,
    pub(super) exchange_id: Box<str>,
    pub(super) account_id: Box<str>,
    pub(super) offer_id: Box<str>,
    pub(super) quantity: u64,
    /// What was paid, by unit.
    pub(super) prices: Vec<(Box<str>, u64)>,
    pub(super) deliver_to: Option<Box<str>>,
    pub(super) expires_at: Option<Box<str>>,
    pub(super) ordered_at: Option<Box<str>>,
}

/// What an account has of a unit in the old system.
#[derive(Clone, Debug)]
pub(super) struct OldBalance {
    pub(super) account_id: Box<str>,
    pub(super) unit: Box<str>,
    pub(super) available: u64,
    pub(super) pending: Option<u64>,
    pub(super) held: Option<u64>,
}

impl Files {
    /// Reads all of them, and names what is wrong in any.
    pub(super) fn read(files: &FileArgs) -> Result<Self, RowsError> {
        let mut wrong = vec![];
        let tiers = take(files.tiers.as_ref(), read_tiers, &mut wrong)?.unwrap_or_default();
        let exchanges =
            take(files.exchanges.as_ref(), read_exchanges, &mut wrong)?.unwrap_or_default();
        let lots = take(files.lots.as_ref(), read_lots, &mut wrong)?.unwrap_or_default();
        let balances = take(files.compare.as_ref(), read_balances, &mut wrong)?;
        if wrong.is_empty() {
            Ok(Self { tiers, exchanges, lots, balances })
        } else {
            Err(RowsError::Malformed(wrong))
        }
    }
}

/// Reads a file, if it is named, and puts aside what is wrong in it.
fn take<R>(
    file: Option<&PathBuf>,
    read: impl FnOnce(&Path) -> Result<Vec<R>, RowsError>,
    wrong: &mut Vec<String>,
) -> Result<Option<Vec<R>>, RowsError> {
    let Some(file) = file else { return Ok(None) };
    match read(file) {
        Ok(rows) => Ok(Some(rows)),
        Err(RowsError::Malformed(sentences)) => {
            wrong.extend(sentences);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[derive(Deserialize)]
struct LotColumns {
    row_id: Box<str>,
    account_id: Box<str>,
    points: u64,
    unit: Option<Box<str>>,
    available_at: Option<Box<str>>,
    expires_at: Option<Box<str>>,
    earned_at: Option<Box<str>>,
}

fn read_lots(file: &Path) -> Result<Vec<Lot>, RowsError> {
    let mut lines = Lines::default();
    let read = read_rows(file, &LOTS, |place, _row, columns: LotColumns| {
        let lot = Lot {
            row_id: id("row_id", ROW_ID_CHARACTERS_MAX, columns.row_id)?,
            account_id: id("account_id", ACCOUNT_ID_CHARACTERS_MAX, columns.account_id)?,
            unit: unit(columns.unit)?,
            points: points("points", columns.points)?,
            available_at: time("available_at", columns.available_at)?,
            expires_at: time("expires_at", columns.expires_at)?,
            earned_at: time("earned_at", columns.earned_at)?,
            place,
        };
        lines.is_new(&[&lot.row_id], lot.place.line)?;
        Ok(lot)
    });
    Ok(read?.0)
}

#[derive(Deserialize)]
struct TierColumns {
    row_id: Box<str>,
    account_id: Box<str>,
    ladder: Box<str>,
    tier: Box<str>,
    until: Box<str>,
    reason: Option<Box<str>>,
}

fn read_tiers(file: &Path) -> Result<Vec<Grant>, RowsError> {
    let mut lines = Lines::default();
    let read = read_rows(file, &TIERS, |place, _row, columns: TierColumns| {
        let grant = Grant {
            row_id: id("row_id", ROW_ID_CHARACTERS_MAX, columns.row_id)?,
            account_id: id("account_id", ACCOUNT_ID_CHARACTERS_MAX, columns.account_id)?,
            ladder: id("ladder", ID_CHARACTERS_MAX, columns.ladder)?,
            tier: id("tier", ID_CHARACTERS_MAX, columns.tier)?,
            until: time("until", Some(columns.until))?.ok_or("until is empty")?,
            reason: columns.reason,
            place,
        };
        lines.is_new(&[&grant.row_id], grant.place.line)?;
        Ok(grant)
    });
    Ok(read?.0)
}

#[derive(Deserialize)]
struct ExchangeColumns {
    exchange_id: Box<str>,
    account_id: Box<str>,
    offer_id: Box<str>,
    quantity: u64,
    prices: Box<str>,
    deliver_to: Option<Box<str>>,
    expires_at: Option<Box<str>>,
    ordered_at: Option<Box<str>>,
}

fn read_exchanges(file: &Path) -> Result<Vec<OpenExchange>, RowsError> {
    let mut lines = Lines::default();
    let read = read_rows(file, &EXCHANGES, |place, _row, columns: ExchangeColumns| {
        let exchange = OpenExchange {
            exchange_id: id("exchange_id", ROW_ID_CHARACTERS_MAX, columns.exchange_id)?,
            account_id: id("account_id", ACCOUNT_ID_CHARACTERS_MAX, columns.account_id)?,
            offer_id: id("offer_id", ID_CHARACTERS_MAX, columns.offer_id)?,
            quantity: points("quantity", columns.quantity)?,
            prices: prices(&columns.prices)?,
            deliver_to: columns.deliver_to,
            expires_at: time("expires_at", columns.expires_at)?,
            ordered_at: time("ordered_at", columns.ordered_at)?,
            place,
        };
        lines.is_new(&[&exchange.account_id, &exchange.exchange_id], exchange.place.line)?;
        Ok(exchange)
    });
    Ok(read?.0)
}

#[derive(Deserialize)]
struct BalanceColumns {
    account_id: Box<str>,
    available: u64,
    unit: Option<Box<str>>,
    pending: Option<u64>,
    held: Option<u64>,
}

fn read_balances(file: &Path) -> Result<Vec<OldBalance>, RowsError> {
    let mut lines = Lines::default();
    let read = read_rows(file, &BALANCES, |place, _row, columns: BalanceColumns| {
        let balance = OldBalance {
            account_id: id("account_id", ACCOUNT_ID_CHARACTERS_MAX, columns.account_id)?,
            unit: unit(columns.unit)?,
            available: columns.available,
            pending: columns.pending,
            held: columns.held,
        };
        lines.is_new(&[&balance.account_id, &balance.unit], place.line)?;
        Ok(balance)
    });
    Ok(read?.0)
}

/// The lines by what is there once.
#[derive(Default)]
struct Lines(HashMap<String, u64>);

impl Lines {
    /// Notes an id's line. What stands twice would look like a repeat, and be lost.
    fn is_new(&mut self, ids: &[&str], line: u64) -> Result<(), String> {
        let ids = ids.join(" ");
        match self.0.get(&ids) {
            Some(first) => Err(format!("{ids} already stands in line {first}")),
            None => {
                self.0.insert(ids, line);
                Ok(())
            }
        }
    }
}

fn unit(text: Option<Box<str>>) -> Result<Box<str>, String> {
    id("unit", ID_CHARACTERS_MAX, text.unwrap_or_else(|| POINTS.into()))
}

fn points(column: &str, points: u64) -> Result<u64, String> {
    if (1..=AMOUNT_MAX).contains(&points) {
        return Ok(points);
    }
    Err(format!("{column} is {points}, not 1 to {AMOUNT_MAX}"))
}

/// A time in UTC, passed on as it stands.
fn time(column: &str, text: Option<Box<str>>) -> Result<Option<Box<str>>, String> {
    let Some(text) = text else { return Ok(None) };
    let is_time = text.ends_with('Z') && DateTime::parse_from_rfc3339(&text).is_ok();
    if is_time {
        return Ok(Some(text));
    }
    Err(format!("{column} is {text:?}, not as in 2027-01-31T11:53:26Z"))
}

/// What was paid: `300`, of points; or `points:300;miles:20`; or `0` for nothing.
fn prices(text: &str) -> Result<Vec<(Box<str>, u64)>, String> {
    let wrong = || format!("prices is {text:?}, not as in 300, 0 or points:300;miles:20");
    if text.trim() == "0" {
        return Ok(vec![]);
    }
    let price = |part: &str| {
        let (unit, number) = part.split_once(':').unwrap_or((POINTS, part));
        let number = number.trim().parse().map_err(|_| wrong())?;
        let unit = id("a unit in prices", ID_CHARACTERS_MAX, unit.trim().into())?;
        Ok((unit, points("a price", number)?))
    };
    let mut prices = text.split(';').map(price).collect::<Result<Vec<_>, String>>()?;
    // The same row in another order is the same row.
    prices.sort();
    if prices.windows(2).any(|pair| matches!(pair, [(unit, _), (next, _)] if unit == next)) {
        return Err(format!("prices is {text:?}, and has a unit twice"));
    }
    Ok(prices)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn read<R>(
        read: impl Fn(&Path) -> Result<Vec<R>, RowsError>,
        text: &str,
    ) -> Result<Vec<R>, String> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        let name = file.path().display().to_string();
        read(file.path()).map_err(|error| error.to_string().replace(&name, "f.csv"))
    }

    #[test]
    fn a_lot_needs_no_more_than_an_id_an_account_and_points() {
        let lots = read(read_lots, "account_id,points,row_id\nann,500,77\n").expect("read");
        let lot = lots.first().expect("a lot");
        assert_eq!((&*lot.row_id, &*lot.account_id, &*lot.unit), ("77", "ann", "points"));
        assert_eq!((lot.points, &lot.expires_at), (500, &None));
        let text = "row_id,account_id,points,unit,expires_at\n\
                    1,ann,5,,\n2,ann,5,miles,2030-01-01T00:00:00Z\n";
        let lots = read(read_lots, text).expect("read");
        let found: Vec<_> =
            lots.iter().map(|lot| (&*lot.unit, lot.expires_at.as_deref())).collect();
        assert_eq!(found, [("points", None), ("miles", Some("2030-01-01T00:00:00Z"))]);
    }

    #[test]
    fn a_row_that_is_wrong_is_named_with_its_line() {
        for (row, sentence) in [
            ("1,ann,0", "points is 0, not 1 to 9007199254740991"),
            ("1,ann,-5", "points is \"-5\", and can't be read: invalid"),
            ("a b,ann,5", "row_id is \"a b\", not 1 to 48 letters"),
            ("1,../x,5", "account_id is \"../x\", not 1 to 128 letters"),
            ("0,bob,5", "0 already stands in line 2"),
            ("1,ann", "it has 2 columns, not 3"),
        ] {
            let text = format!("row_id,account_id,points\n0,ann,5\n{row}\n");
            let found = read(read_lots, &text).expect_err(row);
            assert!(found.contains(&format!("f.csv, line 3: {sentence}")), "{row}: {found}");
        }
        let found = read(read_lots, "row_id,account_id,points,expire\n").expect_err("a typo");
        assert!(found.contains("the columns are row_id,account_id,points,expire, not"), "{found}");
        let text = "row_id,account_id,points,expires_at\n1,ann,5,tomorrow\n";
        let found = read(read_lots, text).expect_err("no time");
        assert!(found.contains("line 2: expires_at is \"tomorrow\", not as in"), "{found}");
    }

    #[test]
    fn prices_are_of_points_or_by_unit() {
        let price = |unit: &str, points: u64| (Box::from(unit), points);
        assert_eq!(prices("0"), Ok(vec![]));
        assert_eq!(prices("300"), Ok(vec![price("points", 300)]));
        let both = Ok(vec![price("miles", 20), price("points", 300)]);
        assert_eq!(prices("points:300;miles:20"), both);
        assert_eq!(prices("miles:20; points:300"), both);
        for text in ["", "x", "points:", "points:-1", "points:0", "points:1;points:2", ":5", ";"] {
            assert!(prices(text).is_err(), "{text}");
        }
    }
}

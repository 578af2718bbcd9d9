//! A merchant's purchases beside the ledger's.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use domain::Timestamp;
use read_model::{Query, ReadModel};
use serde::Deserialize;

use super::difference::FileDifferences;
use super::file::CsvFile;

const PURCHASES: Query = Query::same(include_str!("../sql/list_purchases.sql"));

/// How many rows are read at once.
const PAGE: u32 = 1_000;

/// A line of the file.
struct Line {
    line: u64,
    amount: Option<i64>,
    /// Of each unit that has a column, in the columns' order.
    points: Vec<Option<i64>>,
}

/// Account and purchase.
type Key = (String, String);

#[derive(sql_macros::FromRow)]
struct PurchaseRow {
    place: i64,
    account_id: String,
    purchase_id: String,
    lines: String,
    earned: String,
    bought_at: i64,
}

#[derive(Deserialize)]
struct PurchaseLine {
    #[serde(default)]
    amount: Option<i64>,
}

#[derive(Deserialize)]
struct Earned {
    unit: String,
    points: i64,
}

/// Compares a file with the purchases that the read tables have. Of those that are not in the file,
/// only the ones in the span of time count.
pub(super) async fn compare(
    file: &Path,
    [since, until]: [Option<Timestamp>; 2],
    read_model: &ReadModel,
) -> anyhow::Result<FileDifferences> {
    let mut found = FileDifferences::of(file);
    let (units, mut lines) = read(file, &mut found)?;
    let span = since.map_or(i64::MIN, Timestamp::micros)..until.map_or(i64::MAX, Timestamp::micros);
    let mut after = -1_i64;
    loop {
        let mut reading = read_model.read(&[], Duration::ZERO).await?;
        let rows: Vec<PurchaseRow> = reading.all(PURCHASES, &[after.into(), PAGE.into()]).await?;
        drop(reading);
        let Some(last) = rows.last() else { break };
        after = last.place;
        for row in rows {
            let key = (row.account_id.clone(), row.purchase_id.clone());
            match lines.remove(&key) {
                Some(line) => {
                    found.in_ledger += 1;
                    compare_line(&key, &line, &row, &units, &mut found)?;
                }
                None if span.contains(&row.bought_at) => {
                    found.in_ledger += 1;
                    let log = Some(shown(&row)?);
                    found.add("purchase-not-in-file", (shown_key(&key), None), None, [log, None]);
                }
                None => {}
            }
        }
    }
    let mut left: Vec<(Key, Line)> = lines.into_iter().collect();
    left.sort_unstable_by_key(|(_, line)| line.line);
    for (key, line) in left {
        let row = (shown_key(&key), Some(line.line));
        found.add("purchase-not-in-ledger", row, None, [None, None]);
    }
    Ok(found)
}

/// The units that have a column, and the file's lines. One that comes twice is a difference.
fn read(
    path: &Path,
    found: &mut FileDifferences,
) -> anyhow::Result<(Vec<String>, HashMap<Key, Line>)> {
    let mut file = CsvFile::open(path)?;
    let [purchase_id, account_id] = [file.column("purchase_id")?, file.column("account_id")?];
    let amount = file.column("amount").ok();
    let known: Vec<usize> = [purchase_id, account_id].into_iter().chain(amount).collect();
    let columns = file.other_columns(&known);
    let mut lines = HashMap::<Key, Line>::new();
    while let Some((line, record)) = file.next_line()? {
        found.in_file += 1;
        let at = (line, &record);
        let account_id = file.text(at, account_id)?.to_owned();
        let key = (account_id, file.text(at, purchase_id)?.to_owned());
        if let Some(first) = lines.get(&key) {
            let there = Some(format!("it is on line {}, too", first.line));
            found.add("purchase-doubled", (shown_key(&key), Some(line)), None, [None, there]);
            continue;
        }
        let amount = amount.map(|column| file.number(at, column)).transpose()?.flatten();
        let points = columns.iter().map(|(column, _)| file.number(at, *column));
        let points = points.collect::<anyhow::Result<_>>()?;
        lines.insert(key, Line { line, amount, points });
    }
    Ok((columns.into_iter().map(|(_, unit)| unit).collect(), lines))
}

fn compare_line(
    key: &Key,
    line: &Line,
    row: &PurchaseRow,
    units: &[String],
    found: &mut FileDifferences,
) -> anyhow::Result<()> {
    let earned: Vec<Earned> = serde_json::from_str(&row.earned)?;
    let points_of = |unit: &str| earned.iter().find(|it| it.unit == unit).map_or(0, |it| it.points);
    let of_units = units.iter().zip(&line.points);
    let of_units = of_units.map(|(unit, told)| (unit.as_str(), points_of(unit), *told));
    let values = [("amount", amount(row)?, line.amount)].into_iter().chain(of_units);
    for (column, recorded, told) in values {
        if let Some(told) = told.filter(|told| *told != recorded) {
            let both = [Some(recorded.to_string()), Some(told.to_string())];
            let row = (shown_key(key), Some(line.line));
            found.add("purchase-differs", row, Some(column), both);
        }
    }
    Ok(())
}

/// What its lines cost.
fn amount(row: &PurchaseRow) -> anyhow::Result<i64> {
    let lines: Vec<PurchaseLine> = serde_json::from_str(&row.lines)?;
    Ok(lines.iter().filter_map(|line| line.amount).fold(0, i64::saturating_add))
}

fn shown(row: &PurchaseRow) -> anyhow::Result<String> {
    let earned: Vec<Earned> = serde_json::from_str(&row.earned)?;
    let earned = earned.iter().map(|Earned { unit, points }| format!(", {points} {unit}"));
    Ok(format!("amount {}{}", amount(row)?, earned.collect::<String>()))
}

fn shown_key((account_id, purchase_id): &Key) -> String {
    format!("{account_id}/{purchase_id}")
}

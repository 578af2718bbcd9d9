//! A real year with credit that expires after 90 days, imported into a log that takes its time from
//! the commands, against a plain loop over the same files that shares no code with the ledger.
//!
//! By default the slice in `data/complete-journey` (60 households); `GUERDON_COMPLETE_JOURNEY`
//! names a folder with the whole year's `purchases.csv.gz` and `redemptions.csv`.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, Duration as Span, NaiveDate, NaiveTime, Utc};
use domain::{Event, Points};
use event_schema::decode;
use event_store::{Access, EventStore, StoreUrl};
use log_record::{Partition, Position};

use crate::ledger::Ledger;
use crate::ledger::journey::{data_folder, purchases_file, rows};

const PRICE: u64 = 2_500;
const EXPIRY_DAYS: i64 = 90;

/// What a year comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    issued: u64,
    redeemed: u64,
    accepted: u64,
    refused: u64,
    expired: u64,
    outstanding: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_year_with_expiry_comes_to_what_a_plain_loop_finds() {
    let data = data_folder();
    let expected = plain_loop(&data);
    assert!(expected.expired > 0 && expected.refused > 0, "{expected:?}");

    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with(folder.path(), &["--clock", "commands"], &[]);
    let refused = import(&ledger, folder.path(), &data);
    // What nobody asked about expires in the background.
    let started = Instant::now();
    let mut found = of_log(folder.path()).await;
    while found.expired != expected.expired && started.elapsed() < crate::ledger::PATIENCE {
        tokio::time::sleep(Duration::from_millis(50)).await;
        found = of_log(folder.path()).await;
    }
    println!("{expected:?}");
    assert_eq!(Totals { refused, ..found }, expected);

    // The read tables say the same.
    let head = format!("0:{}", head(folder.path()).await);
    let totals = ledger.client.get_after(&head, "auditor", "/v1/totals").await.is(200);
    let total = |name: &str| {
        let text = totals[name].as_str().expect("a decimal string");
        text.parse::<u64>().expect("a number")
    };
    assert_eq!(total("difference"), 0);
    let read = Totals {
        issued: total("issued"),
        redeemed: total("redeemed"),
        accepted: total("exchanges"),
        expired: total("expired"),
        outstanding: total("available"),
        refused,
    };
    assert_eq!(read, expected);
    let liability = ledger.client.get("auditor", "/v1/liability").await.is(200);
    assert_eq!(liability["total"], expected.outstanding.to_string());
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_that_expires_is_not_imported_by_the_wall_clock() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let data = data_folder();
    let refused = import_command(&ledger, folder.path(), &data).output().expect("it runs");
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("wall clock") && said.contains("--clock commands"), "{said}");
}

/// Day by day the purchases, then the redemptions at the day's last second; what expires first is
/// spent first.
fn plain_loop(data: &Path) -> Totals {
    let mut purchases: BTreeMap<NaiveDate, Vec<(String, DateTime<Utc>, u64)>> = BTreeMap::new();
    let mut last = DateTime::UNIX_EPOCH;
    for row in rows(&purchases_file(data)) {
        let at: DateTime<Utc> = row[2].parse().expect("a time");
        let points = row[3].parse::<u64>().expect("cents") / 100 * 10;
        last = last.max(at);
        purchases.entry(at.date_naive()).or_default().push((row[0].clone(), at, points));
    }
    let mut redemptions: BTreeMap<NaiveDate, Vec<String>> = BTreeMap::new();
    for row in rows(&data.join("redemptions.csv")) {
        let day: NaiveDate = row[3].parse().expect("a day");
        last = last.max(end_of(day));
        redemptions.entry(day).or_default().push(row[0].clone());
    }
    let mut totals = Totals::default();
    let mut lots: HashMap<String, Vec<(DateTime<Utc>, u64)>> = HashMap::new();
    let mut days: Vec<NaiveDate> = purchases.keys().chain(redemptions.keys()).copied().collect();
    days.sort();
    days.dedup();
    for day in days {
        for (account, at, points) in purchases.remove(&day).unwrap_or_default() {
            totals.issued += points;
            let expires = at + Span::days(EXPIRY_DAYS);
            lots.entry(account).or_default().push((expires, points));
        }
        for account in redemptions.remove(&day).unwrap_or_default() {
            let lots = lots.entry(account).or_default();
            totals.expired += expire(lots, end_of(day));
            if lots.iter().map(|(_, points)| points).sum::<u64>() < PRICE {
                totals.refused += 1;
                continue;
            }
            totals.accepted += 1;
            totals.redeemed += PRICE;
            lots.sort();
            let mut wanted = PRICE;
            for (_, points) in lots.iter_mut() {
                let part = wanted.min(*points);
                *points -= part;
                wanted -= part;
            }
        }
    }
    for lots in lots.values_mut() {
        totals.expired += expire(lots, last);
        totals.outstanding += lots.iter().map(|(_, points)| points).sum::<u64>();
    }
    totals
}

fn expire(lots: &mut Vec<(DateTime<Utc>, u64)>, now: DateTime<Utc>) -> u64 {
    let gone = lots.iter().filter(|(expires, _)| *expires <= now).map(|(_, points)| points).sum();
    lots.retain(|(expires, _)| *expires > now);
    gone
}

fn end_of(day: NaiveDate) -> DateTime<Utc> {
    let last_second = NaiveTime::from_hms_opt(23, 59, 59).expect("a time of day");
    day.and_time(last_second).and_utc()
}

/// Plays the year in; gives how many redemptions were refused.
fn import(ledger: &Ledger, folder: &Path, data: &Path) -> u64 {
    let mut command = import_command(ledger, folder, data);
    let output = command.stderr(Stdio::inherit()).output().expect("it runs");
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    let refused = text.lines().filter_map(|line| line.trim().strip_prefix("refused: "));
    refused
        .map(|line| line.rsplit(' ').next().unwrap_or_default().replace(',', ""))
        .fold(0, |sum, count| sum + count.parse::<u64>().expect("a number"))
}

fn import_command(ledger: &Ledger, folder: &Path, data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command
        .args(["import", "--url", &ledger.client.url, "--expiry-days", "90"])
        .arg("--purchases")
        .arg(purchases_file(data))
        .arg("--redemptions")
        .arg(data.join("redemptions.csv"))
        .arg("--api-keys")
        .arg(folder.join("api-keys.json"))
        .arg("--journal")
        .arg(folder.join("journal.ndjson"));
    command
}

async fn head(folder: &Path) -> Position {
    let url = StoreUrl::Sqlite(folder.join("log.sqlite"));
    let store = EventStore::open(&url, Access::Read).await.expect("it opens");
    store.head(Partition(0)).await.expect("a head").position
}

/// What the log's events add up to, refusals apart, which it doesn't know.
async fn of_log(folder: &Path) -> Totals {
    let url = StoreUrl::Sqlite(folder.join("log.sqlite"));
    let store = EventStore::open(&url, Access::Read).await.expect("it opens");
    let (mut totals, mut after) = (Totals::default(), Position::START);
    let add = |sum: &mut u64, points: Points| *sum += points.get();
    loop {
        let rows = store.read(Partition(0), after, usize::MAX).await.expect("intact");
        let Some(last) = rows.last() else { break };
        after = last.position();
        for row in &rows {
            match decode(row).expect("decoded").1 {
                Event::CreditEarned(_, fact) => add(&mut totals.issued, fact.points),
                Event::CreditExpired(_, fact) => add(&mut totals.expired, fact.points),
                Event::CreditDeducted(_, fact) => {
                    add(&mut totals.redeemed, fact.points);
                    totals.accepted += 1;
                }
                _ => {}
            }
        }
    }
    totals.outstanding = totals.issued - totals.redeemed - totals.expired;
    totals
}

//! `guerdon audit replay`, `diff` and `explain`, and `?at=`: what there was at a moment.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde_json::{Value, json};
use services::TestDatabase;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, query};

use crate::ledger::tool::{fails, guerdon, migrate, said, succeeds};
use crate::ledger::{Ledger, journey};

/// What a redemption of the Complete Journey costs.
const PRICE: u64 = 2_500;

/// The year of the Complete Journey.
const YEAR: i32 = 2017;

/// By default a slice of the real year; `GUERDON_COMPLETE_JOURNEY` names a folder with all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_month_of_a_real_year_ended_as_a_plain_loop_over_its_files_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with(folder.path(), &["--clock", "commands"], &[]);
    journey::import(&ledger, folder.path());
    // The log's time goes by its commands: the year is over with the next one's first.
    let later = json!({
        "points": 1,
        "cause": {"kind": "promotion", "id": "next-year"},
        "occurred_at": "2018-01-02T00:00:00Z",
    });
    let later = ledger.client.post("merchant", "/v1/accounts/probe/credits", later).await;
    let position = later.position.clone().expect("a write has a position");
    later.is(201);
    ledger.client.get_after(&position, "auditor", "/v1/accounts/probe").await.is(200);
    let months = month_ends_by_a_plain_loop(&journey::data_folder());
    assert_eq!(months.len(), 12);
    let mut compared = 0;
    for (end, expected) in &months {
        let at = end.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        for (account, points) in expected {
            let path = format!("/v1/accounts/{account}?at={at}");
            let balance = ledger.client.get("auditor", &path).await.is(200);
            assert_eq!(balance["available"], *points, "{path}");
            compared += 1;
        }
        let sums = replay(folder.path(), &["--until", &at]);
        let all: u64 = expected.values().sum();
        assert_eq!(sums[0]["units"][0]["available"], all.to_string(), "{at}");
        assert_eq!(sums[0]["accounts"], expected.len(), "{at}");
    }
    println!("{compared} balances at the ends of 12 months are those of the plain loop");
    // Of one household also from the log alone.
    let (end, expected) = months.iter().next_back().expect("a year");
    let (account, points) = expected.iter().next().expect("a household");
    let at = end.to_rfc3339();
    let balance = replay(folder.path(), &["--until", &at, "--account", account]);
    assert_eq!(balance[0]["available"], *points);
    assert_eq!(ledger.stop(), Some(0));
}

/// What each account has at the end of each month, by a loop that shares nothing with the ledger: a
/// whole dollar earns ten points, and a day's redemptions come after its purchases.
fn month_ends_by_a_plain_loop(data: &Path) -> BTreeMap<DateTime<Utc>, BTreeMap<String, u64>> {
    let mut days = BTreeMap::<NaiveDate, (Vec<(String, u64)>, Vec<String>)>::new();
    for row in journey::rows(&journey::purchases_file(data)) {
        let day = row[2][..10].parse().expect("a date");
        let cents: u64 = row[3].parse().expect("cents");
        days.entry(day).or_default().0.push((row[0].clone(), cents / 100 * 10));
    }
    for row in journey::rows(&data.join("redemptions.csv")) {
        let day = row[3].parse().expect("a date");
        days.entry(day).or_default().1.push(row[0].clone());
    }
    let mut credit = BTreeMap::<String, u64>::new();
    let mut months = BTreeMap::new();
    let mut first = NaiveDate::from_ymd_opt(YEAR, 1, 1).expect("a day");
    let mut days = days.into_iter().peekable();
    for _ in 0..12 {
        let next = first + Months::new(1);
        while let Some((_, (purchases, redemptions))) = days.next_if(|(day, _)| *day < next) {
            for (account, points) in purchases.into_iter().filter(|(_, points)| *points > 0) {
                *credit.entry(account).or_default() += points;
            }
            for account in redemptions {
                if let Some(points) = credit.get_mut(&account).filter(|points| **points >= PRICE) {
                    *points -= PRICE;
                }
            }
        }
        let end = next.and_time(NaiveTime::MIN).and_utc() - TimeDelta::microseconds(1);
        months.insert(end, credit.clone());
        first = next;
    }
    months
}

/// What `guerdon audit replay` prints, as JSON.
fn replay(folder: &Path, args: &[&str]) -> Vec<Value> {
    audit(folder, &["--output", "json", "replay"], args)
}

fn audit(folder: &Path, act: &[&str], args: &[&str]) -> Vec<Value> {
    let text = said(&succeeds(guerdon(folder, &[&["audit"], act, args].concat())));
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_is_read_from_archives_too_while_the_ledger_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let then = redeems_60_times(&ledger).await;
    let log = SqliteConnectOptions::new().filename(folder.path().join("log.sqlite"));
    let mut log = log.connect().await.expect("it opens");
    query("update log set range_positions = 50").execute(&mut log).await.expect("updated");
    succeeds(guerdon(folder.path(), &["archive", "--older-than", "0d"]));
    the_past_is_there(&ledger, folder.path(), &[], &then).await;
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_is_read_from_postgres() {
    let (folder, database) =
        (tempfile::tempdir().expect("a folder"), TestDatabase::create().expect("a database"));
    let url = &*database.url();
    migrate(folder.path(), url);
    let ledger = Ledger::start_on(url, folder.path(), &["--read-model", url]);
    let then = redeems_60_times(&ledger).await;
    the_past_is_there(&ledger, folder.path(), &["--store", url], &then).await;
    assert_eq!(ledger.stop(), Some(0));
}

/// What was answered after each tenth of 60 redemptions, by position.
async fn redeems_60_times(ledger: &Ledger) -> Vec<(String, [Value; 3])> {
    ledger.client.opens("mug", 300, Some(1_000), None).await;
    ledger.client.earns("ann", 100_000, "B-1").await;
    let mut then = vec![];
    for number in 0..60 {
        let redeemed = ledger.client.redeems("ann", &format!("x-{number}"), "mug").await;
        if number % 10 == 0 {
            let position = redeemed.position.expect("a write has a position");
            let mut answers = vec![];
            for path in PATHS {
                let answer = ledger.client.get_after(&position, "auditor", path).await;
                answers.push(answer.is(200).clone());
            }
            then.push((position, answers.try_into().expect("as many as paths")));
        }
    }
    then
}

/// What is asked of the redemptions.
const PATHS: [&str; 3] = ["/v1/accounts/ann", "/v1/accounts/ann/exchanges/x-0", "/v1/offers/mug"];

/// Over HTTP and from the log alone, what was answered then is answered for then.
async fn the_past_is_there(
    ledger: &Ledger,
    folder: &Path,
    store: &[&str],
    then: &[(String, [Value; 3])],
) {
    let of = [vec!["--account", "ann"], vec!["--exchange", "x-0"], vec!["--offer", "mug"]];
    for (position, answers) in then {
        for ((path, answer), of) in PATHS.iter().zip(answers).zip(&of) {
            let path = format!("{path}?at={position}");
            assert_eq!(ledger.client.get("operator", &path).await.is(200), *answer, "{path}");
            let args = [store, of.as_slice(), &["--until", position]].concat();
            assert_eq!(replay(folder, &args), std::slice::from_ref(answer), "{args:?}");
        }
    }
    let (first, last) = (then[0].0.as_str(), then[5].0.as_str());
    let story =
        audit(folder, &["--output", "json", "explain"], &[store, &["exchange", "x-0"]].concat());
    let told: Vec<&str> =
        story.iter().map(|told| told["sentence"].as_str().expect("a text")).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("300 points were taken for exchange x-0: 300 of lot 0:"),
        "{told:?}"
    );
    assert!(told[1].starts_with("Exchange x-0 got 1 of product "), "{told:?}");
    let of_account = [store, &["account", "ann", "--until", first]].concat();
    let story = audit(folder, &["--output", "json", "explain"], &of_account);
    assert_eq!(story.len(), 3, "credit, and both halves of the first redemption: {story:?}");
    assert_eq!(story[2]["position"], first);

    let diff = audit(folder, &["--output", "json", "diff"], &[store, &[first, last]].concat());
    let change = |what: &str| diff.iter().find(|change| change["what"] == what).cloned();
    let available = json!({
        "what": "points available, partition 0", "before": "99700", "after": "84700",
    });
    assert_eq!(change("points available, partition 0"), Some(available), "{diff:?}");
    let events = json!({"what": "events exchange-created", "after": "50"});
    assert_eq!(change("events exchange-created"), Some(events), "{diff:?}");
    let of_offer = [store, &[first, last, "--offer", "mug"]].concat();
    let diff = audit(folder, &["--output", "json", "diff"], &of_offer);
    assert_eq!(diff, [json!({"what": "remaining", "before": "999", "after": "949"})]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moment_that_the_log_does_not_have_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.opens("mug", 300, Some(10), None).await;
    ledger.client.earns("ann", 1_000, "B-1").await;
    let created = ledger.client.redeems("ann", "x-1", "mug").await.position.expect("a position");
    let position: u64 = created.split_once(':').expect("a place").1.parse().expect("a number");
    let half = format!("0:{}", position - 1);
    for (args, sentence) in [
        (vec!["replay", "--until", "0:9999"], "the log ends at 0:"),
        (vec!["replay", "--until", &*half], "was recorded together with the next one"),
        (vec!["replay", "--until", "1:1", "--account", "ann"], "is a position of partition 1"),
        (vec!["replay", "--account", "bob"], "there is no such thing in the log"),
        (vec!["explain", "account", "bob"], "is about the account bob; check the id"),
        (vec!["diff", &*created, "0:1"], "the first moment is later than the second"),
    ] {
        let words = [&["audit"], &args[..]].concat();
        fails(&guerdon(folder.path(), &words), 1, sentence);
    }
    assert_eq!(ledger.stop(), Some(0));
}

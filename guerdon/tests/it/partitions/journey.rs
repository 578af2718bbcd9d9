//! Real history through a ledger of eight partitions: it ends as in a ledger of one.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::EIGHT;
use crate::ledger::{Ledger, journey};

/// What is compared of the totals: not the events that they are made of.
const SUMS: [&str; 5] = ["issued", "available", "redeemed", "expired", "difference"];

/// What the import prints that isn't the same twice.
const TIMES: [&str; 2] = ["seconds", "requests per second"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slice_of_a_real_year_ends_with_eight_partitions_as_with_one() {
    let one = tempfile::tempdir().expect("a folder");
    let eight = tempfile::tempdir().expect("another");
    let of_one = played(one.path(), &["--partitions", "1"]).await;
    let of_eight = played(eight.path(), &EIGHT).await;
    assert!(!of_one.accounts.is_empty());
    assert_eq!(of_one, of_eight);
}

/// How the history ended.
#[derive(Debug, PartialEq)]
struct Ended {
    /// What the import says: what was accepted, refused and repeated.
    reported: Vec<String>,
    /// Of each account, what it has and its exchanges.
    accounts: Vec<(String, Value, BTreeSet<String>)>,
    totals: Vec<Value>,
}

async fn played(folder: &Path, partitions: &[&str]) -> Ended {
    let ledger = Ledger::start_with(folder, partitions, &[]);
    let reported = journey::import(&ledger, folder);
    let lines = reported.lines().map(ToOwned::to_owned);
    let reported = lines.filter(|line| !TIMES.iter().any(|time| line.starts_with(time))).collect();
    let api = &ledger.client;
    let last = api.earns("probe", 1, "probe").await;
    api.get_after(&last, "auditor", "/v1/accounts/probe").await.is(200);
    let totals = api.get("auditor", "/v1/totals").await.is(200);
    let totals = SUMS.map(|sum| totals[sum].clone()).to_vec();
    let purchases = journey::rows(&journey::purchases_file(&journey::data_folder()));
    let names: BTreeSet<String> = purchases.into_iter().map(|row| row[0].clone()).collect();
    let mut accounts = vec![];
    for name in names {
        let path = format!("/v1/accounts/{name}");
        let balance = api.get("auditor", &path).await.is(200)["available"].clone();
        let exchanges = api.list("auditor", &format!("{path}/exchanges")).await;
        let ids = exchanges.iter().map(|exchange| exchange["exchange_id"].to_string()).collect();
        accounts.push((name, balance, ids));
    }
    assert_eq!(ledger.stop(), Some(0));
    Ended { reported, accounts, totals }
}

//! The tools on a log of several partitions, whose messages go from one to another.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::ledger::tool::{fails, guerdon, said, sqlite, succeeds, url};
use crate::ledger::{Ledger, PATIENCE, audit};
use crate::log_export::tools::{export, imported};

const FOUR: [&str; 2] = ["--partitions", "4"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_and_an_export_have_what_every_partition_has_and_serve() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = lived(folder.path()).await;
    assert_eq!(ledger.stop(), Some(0));
    let original = sqlite(&folder.path().join("log.sqlite"));
    let events = audit::events(&url(&original)).await;
    let copy = sqlite(&folder.path().join("copy.sqlite"));
    succeeds(guerdon(folder.path(), &["copy-log", &original, &copy]));
    assert!(audit::events(&url(&copy)).await == events, "the copy is another");

    // A copy that was cut short is for nobody until it is finished.
    let cut = Connection::open(folder.path().join("copy.sqlite"));
    cut.and_then(|log| log.execute("update log set import_state = 'unfinished'", ()))
        .expect("as a cut copy is");
    fails(&guerdon(folder.path(), &["check", "--store", &copy]), 1, "or was cut short");
    succeeds(guerdon(folder.path(), &["copy-log", &original, &copy]));
    assert!(audit::events(&url(&copy)).await == events, "it is finished");

    let exported = folder.path().join("exported");
    succeeds(guerdon(folder.path(), &export(&original, &exported)));
    let verified = guerdon(folder.path(), &["verify", "export", &exported.display().to_string()]);
    let verified = said(&succeeds(verified));
    for partition in 0..4 {
        assert!(verified.contains(&format!("partition {partition}: ")), "{verified}");
    }
    let elsewhere = tempfile::tempdir().expect("another folder");
    let store = sqlite(&elsewhere.path().join("log.sqlite"));
    imported(elsewhere.path(), &exported, &store);
    assert!(audit::events(&url(&store)).await == events, "the import is another");

    // Messages go on there from where they were.
    let args = [&FOUR[..], &["--this-is-the-history"]].concat();
    let ledger = Ledger::start_with(elsewhere.path(), &args, &[]);
    live(&ledger, 2).await;
    until_arrived(&ledger).await;
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_made_of_the_log_is_made_of_every_partition() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = lived(folder.path()).await;
    let answered = ledger.client.get("auditor", "/v1/trial-balance").await.is(200);
    assert_eq!(answered["units"][0]["difference"], "0", "{answered}");
    assert_eq!(ledger.stop(), Some(0));
    let tool = |args: &[&str]| succeeds(guerdon(folder.path(), args));

    let printed = tool(&["audit", "trial-balance", "--output", "json"]).stdout;
    let printed: Value = serde_json::from_slice(&printed).expect("JSON");
    assert_eq!(printed, answered, "the tool adds up what the ledger answered");
    let replayed = said(&tool(&["audit", "replay", "--quiet"]));
    assert_eq!(replayed.matches("after the event ").count(), 4, "{replayed}");
    let one = said(&tool(&["audit", "replay", "--quiet", "--until", "2:1"]));
    assert!(
        one.starts_with("after the event 2:1,") && one.matches("after the event ").count() == 1
    );
    tool(&["audit", "diff", "--quiet", "2:0", "2:1"]);
    let named = guerdon(folder.path(), &["audit", "trial-balance", "--at", "2:1"]);
    fails(&named, 1, "--at 2:1 is an event of one of 4 partitions");
    tool(&["audit", "reconcile"]);
    tool(&["check", "--sums"]);

    let taken = said(&tool(&["snapshot", "--quiet"]));
    assert_eq!(taken.matches("snapshot up to ").count(), 4, "{taken}");
    let again = said(&tool(&["snapshot", "--quiet", "--partition", "2"]));
    assert!(again.starts_with("the newest snapshot holds all up to 2:"), "{again}");
    let none = guerdon(folder.path(), &["snapshot", "--partition", "4"]);
    fails(&none, 1, "the log has no partition 4; it has 4, counted from 0");

    let live = audit::dump(&folder.path().join("read-model.sqlite")).await;
    let (store, file) =
        (sqlite(&folder.path().join("log.sqlite")), folder.path().join("anew.sqlite"));
    audit::rebuild(folder.path(), &store, Some(&file));
    assert!(audit::dump(&file).await == live, "a rebuild is another");

    // From the snapshots on.
    let ledger = Ledger::start_with(folder.path(), &FOUR, &[]);
    live_again(&ledger).await;
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declared_fork_begins_a_generation_of_every_partition() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = lived(folder.path()).await;
    assert_eq!(ledger.stop(), Some(0));
    let declare = ["fork-log", "--reason", "a drill", "--without-evidence"];
    let declared = said(&succeeds(guerdon(folder.path(), &declare)));
    for partition in 0..4 {
        let words = format!("partition {partition} goes on in generation");
        assert!(declared.contains(&words), "{declared}");
    }
    succeeds(guerdon(folder.path(), &["rebuild"]));
    let ledger = Ledger::start_with(folder.path(), &FOUR, &[]);
    live_again(&ledger).await;
    assert_eq!(ledger.stop(), Some(0));
}

/// A ledger in which credit and units went from partition to partition.
async fn lived(folder: &Path) -> Ledger {
    fs::create_dir_all(folder).expect("a folder");
    let ledger = Ledger::start_with(folder, &FOUR, &[]);
    ledger.client.put("operator", "/v1/units/miles", json!({"name": "Miles"})).await.is(201);
    ledger.client.opens("mug", 3, Some(100), None).await;
    live(&ledger, 1).await;
    until_arrived(&ledger).await;
    ledger
}

async fn live_again(ledger: &Ledger) {
    live(ledger, 2).await;
    until_arrived(ledger).await;
}

async fn live(ledger: &Ledger, life: u8) {
    for shopper in 0..12 {
        let account = format!("shopper-{shopper}");
        ledger.client.earns(&account, 100, &format!("B-{life}")).await;
    }
    for shopper in 0..12 {
        let account = format!("shopper-{shopper}");
        ledger.client.redeems(&account, &format!("x-{life}"), "mug").await.is(201);
        let path = format!("/v1/accounts/{account}/transfers/t-{life}");
        let to = format!("shopper-{}", (shopper + 1) % 12);
        let answer = ledger.client.put("shopper", &path, json!({"to": to, "points": 7})).await;
        answer.is(201);
    }
}

/// Waits until nothing is under way: the read tables are as far as the log, and nothing is in
/// transit.
async fn until_arrived(ledger: &Ledger) {
    let begun = Instant::now();
    loop {
        let health = ledger.client.get("auditor", "/health/ready").await.is(200);
        let totals = ledger.client.get("auditor", "/v1/totals").await.is(200);
        let is_projected = health["log"]["heads"] == health["read_model"]["positions"];
        if is_projected && totals["in_transit"] == "0" {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{health}, {totals}");
        // Health is told again for a quarter of a second.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

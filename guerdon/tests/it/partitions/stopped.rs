//! A partition whose writer has stopped: it is named, and the others are served.

use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::ledger::{Ledger, account_in, until};

const FOUR: [&str; 2] = ["--partitions", "4"];

/// As another writer would take it over.
const DEPOSE: &str = "update partition_head set epoch = epoch + 1 where partition = 2";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_was_taken_over_is_named_and_the_others_are_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with(folder.path(), &FOUR, &[]);
    let api = &ledger.client;
    let health = api.get("auditor", "/health/ready").await.is(200);
    assert_eq!(health["writer"]["status"], "serving");
    assert_eq!(health["writer"]["partitions"].as_array().map(Vec::len), Some(4));
    for partition in 0..4 {
        api.earns(&account_in(partition, 4), 10, "B-1").await;
    }
    depose(folder.path());
    let path = format!("/v1/accounts/{}/credits", account_in(2, 4));
    let body = json!({"points": 1, "cause": {"kind": "purchase", "id": "B-2"}});
    let refused = api.post("merchant", &path, body).await;
    assert_eq!(refused.status, 503, "{refused:?}");

    let stopped = |health: &Value| health["degraded"] == json!(["writer-stopped"]);
    let health = until(api, "/health/ready", stopped).await;
    assert_eq!((&health["status"], &health["reasons"]), (&json!("ready"), &json!([])), "{health}");
    assert_eq!(health["writer"]["status"], "stopped", "{health}");
    for partition in 0..4 {
        let told = &health["writer"]["partitions"][partition];
        let status = if partition == 2 { "stopped" } else { "serving" };
        assert_eq!((&told["partition"], &told["status"]), (&json!(partition), &json!(status)));
    }
    let why = health["writer"]["partitions"][2]["why"].as_str().expect("an auditor is told why");
    assert!(why.contains("taken over"), "{why}");
    for partition in [0, 1, 3] {
        api.earns(&account_in(partition, 4), 10, "B-2").await;
    }
    assert_eq!(ledger.stop(), Some(0));

    // The next start takes all of them over.
    let ledger = Ledger::start_with(folder.path(), &FOUR, &[]);
    for partition in 0..4 {
        ledger.client.earns(&account_in(partition, 4), 10, "B-3").await;
    }
    assert_eq!(ledger.stop(), Some(0));
}

fn depose(folder: &Path) {
    let connection = Connection::open(folder.join("log.sqlite")).expect("it opens");
    connection.execute(DEPOSE, ()).expect("changed");
}

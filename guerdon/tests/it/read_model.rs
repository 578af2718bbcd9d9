//! A ledger whose log is a file and whose read model is on PostgreSQL.

use serde_json::json;
use services::TestDatabase;

use crate::ledger::tool::{guerdon, succeeds};
use crate::ledger::{Ledger, ends, serve};

#[tokio::test]
async fn the_read_model_may_be_on_a_postgresql_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = TestDatabase::create().expect("a database");
    let url = database.url();
    let mut unmigrated = serve(folder.path());
    unmigrated.args(["--read-model", &url]);
    let refused = String::from_utf8_lossy(&ends(unmigrated).stderr).into_owned();
    assert!(refused.contains("guerdon migrate"), "{refused}");
    read_model::migrate(&url.parse().expect("a URL")).await.expect("migrated");

    // The same server is no good replica, but one that can be asked.
    let args = ["--read-model", &url, "--read-model-replica", &url];
    let ledger = Ledger::start_with(folder.path(), &args, &[]);
    let position = ledger.client.earns("ann", 500, "B-1").await;
    let account = ledger.client.get_after(&position, "shopper", "/v1/accounts/ann").await.is(200);
    assert_eq!(account["available"], 500);
    let health = ledger.client.get("shopper", "/health/ready").await.is(200);
    assert_eq!(health["replicas"][0]["status"], "serving");

    succeeds(guerdon(folder.path(), &["rebuild", "--read-model", &url]));
    let position = ledger.client.earns("ann", 70, "B-2").await;
    let account = ledger.client.get_after(&position, "shopper", "/v1/accounts/ann").await.is(200);
    assert_eq!(account["available"], json!(570));
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test]
async fn a_replica_of_another_ledger_is_passed_over_by_name() {
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let databases = [(); 2].map(|()| TestDatabase::create().expect("a database"));
    let [url, of_other] = [0, 1].map(|index| databases[index].url());
    for url in [&url, &of_other] {
        read_model::migrate(&url.parse().expect("a URL")).await.expect("migrated");
    }
    let other = Ledger::start_with(folders[1].path(), &["--read-model", &of_other], &[]);
    let position = other.client.earns("ann", 70, "B-1").await;
    other.client.get_after(&position, "shopper", "/v1/accounts/ann").await.is(200);
    assert_eq!(other.stop(), Some(0));

    let args = ["--read-model", &url, "--read-model-replica", &of_other];
    let ledger = Ledger::start_with(folders[0].path(), &args, &[]);
    let position = ledger.client.earns("ann", 500, "B-1").await;
    ledger.client.get_after(&position, "shopper", "/v1/accounts/ann").await.is(200);
    for _ in 0..20 {
        let account = ledger.client.get("shopper", "/v1/accounts/ann").await.is(200);
        assert_eq!(account["available"], 500, "of this ledger's ann");
    }
    let health = ledger.client.get("shopper", "/health/ready").await.is(200);
    assert_eq!(health["replicas"][0]["status"], "other-log", "{health}");
    let said = crate::ledger::said(folders[0].path());
    assert!(said.contains("were made of log"), "{said}");
    assert_eq!(ledger.stop(), Some(0));
}

#[test]
fn a_replica_of_a_file_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = serve(folder.path());
    command.args(["--read-model-replica", "postgres://ann:secret@127.0.0.1:9/points"]);
    let refused = String::from_utf8_lossy(&ends(command).stderr).into_owned();
    assert!(refused.contains("a replica is one of a read model on PostgreSQL"), "{refused}");
    assert!(!refused.contains("secret"), "{refused}");
}

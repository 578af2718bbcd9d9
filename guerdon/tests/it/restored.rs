//! A disk died and a backup was put onto another one: the ledger doesn't go on before an operator
//! has declared what the log is, and every warehouse hears of all that the log has.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use services::TestDatabase;

use crate::ledger::tool::guerdon;
use crate::ledger::{Api, Ledger, ends, serve};

/// What a start says that can't compare its log with anything.
const ASKS: [&str; 4] =
    ["read-model.sqlite", "guerdon fork-log", "--this-is-the-history", "the-disk-died.md"];

/// The recipe of `docs/operations/the-disk-died.md`, and a warehouse that reads as the contract
/// says: it keeps the cursor, and drops what it has processed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warehouse_hears_of_all_that_the_log_has_after_the_disk_died() {
    let (folder, backup) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir());
    let backup = backup.expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.opens("mug", 1, None, None).await;
    ledger.client.earns("ann", 500, "B-1").await;
    let mut warehouse = Warehouse::default();
    for number in 1..=3 {
        redeems(&ledger.client, number).await;
    }
    warehouse.reads(&ledger.client).await;
    let early = warehouse.cursor.clone().expect("it has read");
    redeems(&ledger.client, 4).await;
    back_up(folder.path(), backup.path());
    for number in 5..=7 {
        redeems(&ledger.client, number).await;
    }
    warehouse.reads(&ledger.client).await;
    let last = warehouse.cursor.clone().expect("it has read");
    assert_eq!(warehouse.processed.len(), 7);
    ledger.kill();
    folder.close().expect("the disk died");

    let said = refused(backup.path(), &[]);
    assert!(ASKS.iter().all(|part| said.contains(part)), "{said}");
    let undeclared = fork_log(backup.path(), &[]);
    let said = String::from_utf8_lossy(&undeclared.stderr).into_owned();
    assert!(!undeclared.status.success() && said.contains("--without-evidence"), "{said}");
    let declared = fork_log(backup.path(), &["--without-evidence"]);
    let said = String::from_utf8_lossy(&declared.stdout).into_owned();
    let generation = said.split("goes on in generation ").nth(1).expect("it says which");
    let generation: u32 = generation.split(' ').next().expect("one").parse().expect("a number");
    assert!(generation > 100_000_000, "no earlier fork of this backup has had it: {said}");
    assert!(guerdon(backup.path(), &["rebuild"]).status.success());

    let ledger = Ledger::start(backup.path());
    // Who asks again gets other positions for it than before.
    for number in [7, 8, 9, 10, 6, 5, 11] {
        redeems(&ledger.client, number).await;
    }
    for cursor in [&last, &format!("{last}00")] {
        let answer = warehouse.page(&ledger.client, Some(cursor)).await;
        let (status, code) =
            if *cursor == last { (409, "log-forked") } else { (400, "invalid-query") };
        answer.is_problem(status, code);
    }
    let on_time = warehouse.page(&ledger.client, Some(&early)).await.is(200);
    let subjects = [0, 1].map(|number| on_time["items"][number]["subject"].clone());
    assert_eq!(subjects, ["x-4", "x-7"], "what the backup had, and what came since");
    warehouse.reads(&ledger.client).await;
    let asked = ledger.client.list("operator", "/v1/shipping-requests").await;
    assert_eq!(asked.len(), 11);
    let ids = asked.iter().map(|request| request["shipping_request_id"].as_str().expect("an id"));
    for id in ids {
        assert!(warehouse.processed.contains(id), "{id} was left out");
    }
    assert_eq!(warehouse.processed.len(), 14, "three were lost, and came under other ids");
    assert_eq!(ledger.stop(), Some(0));
    assert_eq!(Ledger::start(backup.path()).stop(), Some(0), "nobody is asked twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_moved_goes_on_as_it_is_once_an_operator_has_said_so() {
    let (folder, other) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("other"));
    let ledger = Ledger::start(folder.path());
    ledger.client.earns("ann", 500, "B-1").await;
    assert_eq!(ledger.stop(), Some(0));
    back_up(folder.path(), other.path());
    let said = refused(other.path(), &[]);
    assert!(ASKS.iter().all(|part| said.contains(part)), "{said}");
    // Whoever has no read model to make, or nothing to append, isn't asked.
    let alone = Ledger::start_with(other.path(), &["--role", "command-api"], &[]);
    assert_eq!(alone.stop(), Some(0));
    refused(other.path(), &["--role", "command-api,projector"]);
    let ledger = Ledger::start_with(other.path(), &["--this-is-the-history"], &[]);
    let position = ledger.client.earns("ann", 70, "B-2").await;
    let account = ledger.client.get_after(&position, "auditor", "/v1/accounts/ann").await.is(200);
    assert_eq!(account["available"], 570);
    assert_eq!(ledger.stop(), Some(0));
    assert_eq!(Ledger::start(other.path()).stop(), Some(0), "it has a read model now");

    // Each of the others can show it, too.
    assert!(guerdon(other.path(), &["snapshot"]).status.success());
    fs::remove_file(other.path().join("read-model.sqlite")).expect("removed");
    assert_eq!(Ledger::start(other.path()).stop(), Some(0), "a snapshot is compared");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_tables_that_nobody_has_filled_remember_nothing_on_postgres() {
    let folder = tempfile::tempdir().expect("a folder");
    let databases = [(); 2].map(|()| TestDatabase::create().expect("a database"));
    let [first, second] = [0, 1].map(|number| databases[number].url());
    for url in [&first, &second] {
        read_model::migrate(&url.parse().expect("a URL")).await.expect("migrated");
    }
    let ledger = Ledger::start_with(folder.path(), &["--read-model", &first], &[]);
    ledger.client.earns("ann", 500, "B-1").await;
    assert_eq!(ledger.stop(), Some(0));
    let said = refused(folder.path(), &["--read-model", &second]);
    assert!(said.contains("--this-is-the-history"), "{said}");
    let ledger = Ledger::start_with(folder.path(), &["--read-model", &first], &[]);
    assert_eq!(ledger.stop(), Some(0));
    let args = ["--read-model", second.as_str(), "--this-is-the-history"];
    assert_eq!(Ledger::start_with(folder.path(), &args, &[]).stop(), Some(0));
}

/// What a warehouse keeps.
#[derive(Default)]
struct Warehouse {
    cursor: Option<String>,
    /// The ids of the messages.
    processed: BTreeSet<String>,
}

impl Warehouse {
    async fn page(&self, api: &Api, cursor: Option<&str>) -> crate::ledger::Answer {
        let after = cursor.map(|cursor| format!("&after={cursor}")).unwrap_or_default();
        let path = format!("/v1/shipping-stream?warehouse=main&limit=2&wait_ms=500{after}");
        api.get("warehouse", &path).await
    }

    /// Reads on until there is nothing more.
    async fn reads(&mut self, api: &Api) {
        loop {
            let answer = self.page(api, self.cursor.as_deref()).await;
            if answer.status == 409 {
                answer.is_problem(409, "log-forked");
                self.cursor = None;
                continue;
            }
            let page = answer.is(200);
            self.cursor = page["next"].as_str().map(ToOwned::to_owned);
            let items = page["items"].as_array().expect("a list");
            if items.is_empty() {
                return;
            }
            self.processed.extend(items.iter().map(id));
        }
    }
}

fn id(item: &Value) -> String {
    item["id"].as_str().expect("an id").to_owned()
}

async fn redeems(api: &Api, number: u64) {
    let path = format!("/v1/accounts/ann/exchanges/x-{number}");
    let body = json!({"offer_id": "mug", "quantity": 1, "deliver_to": "1 Elm Street"});
    let answer = api.put("shopper", &path, body).await;
    answer.is(201);
    let position = answer.position.expect("a position");
    api.get_after(&position, "auditor", "/v1/accounts/ann").await.is(200);
}

/// As `docs/operations/sqlite.md` says.
fn back_up(folder: &Path, to: &Path) {
    let store = |folder: &Path| format!("sqlite:{}", folder.join("log.sqlite").display());
    let mut copy = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    copy.args(["copy-log", &store(folder), &store(to)]);
    let copied = ends(copy);
    assert!(copied.status.success(), "{copied:?}");
    fs::copy(folder.join("api-keys.json"), to.join("api-keys.json")).expect("copied");
}

fn fork_log(folder: &Path, options: &[&str]) -> Output {
    guerdon(folder, &[&["fork-log", "--reason", "the disk died"], options].concat())
}

fn refused(folder: &Path, args: &[&str]) -> String {
    let mut command = serve(folder);
    command.args(args);
    let output = ends(command);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "it started: {said}");
    said
}

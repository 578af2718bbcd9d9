//! Real history through a real ledger: a slice of the Complete Journey, imported over REST.
//! The slice's source, licence and expected figures are in `data/complete-journey/README.md`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use event_store::{Access, EventStore, StoreUrl};

use crate::ledger::tool::{guerdon, succeeds};
use crate::ledger::{Ledger, ends};

/// Worked out by the plain loop in the slice's README, which shares nothing with the ledger.
const ACCEPTED: usize = 96;
const REFUSED: &str = "14";
const OUTSTANDING: u64 = 1_087_930;
const ACCOUNTS: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slice_of_a_real_year_adds_up_and_a_second_import_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let first = import(&ledger, folder.path());
    assert_eq!(reported(&first, "redemptions accepted"), ACCEPTED.to_string());
    assert_eq!(reported(&first, "refused: insufficient-credit"), REFUSED);

    let last = ledger.client.earns("probe", 1, "probe").await;
    ledger.client.get_after(&last, "auditor", "/v1/accounts/probe").await.is(200);
    let after_first = dump(folder.path()).await;
    check_read_model(&ledger, &after_first).await;

    let second = import(&ledger, folder.path());
    assert_eq!(reported(&second, "redemptions accepted"), "0");
    assert_eq!(reported(&second, "redemptions repeated"), ACCEPTED.to_string());
    assert_eq!(reported(&second, "refused: insufficient-credit"), REFUSED);
    assert_eq!(dump(folder.path()).await, after_first, "a second import changes nothing");

    succeeds(guerdon(folder.path(), &["rebuild"]));
    assert_eq!(dump(folder.path()).await, after_first, "rebuilt, it is the same row by row");
    ledger.client.redeems("probe", "x-1", "none").await.is_problem(409, "offer-unknown");
    assert_eq!(ledger.stop(), Some(0));
    check_log(folder.path()).await;
}

async fn check_read_model(ledger: &Ledger, dump: &[String]) {
    let of = |table: &str| dump.iter().filter(|row| row.starts_with(table)).count();
    // One more account than the slice has: the probe, with its one point.
    assert_eq!(of("account_balance|"), ACCOUNTS + 1);
    let available: u64 = dump
        .iter()
        .filter_map(|row| {
            row.strip_prefix("account_balance|")?.split('|').nth(1)?.parse::<u64>().ok()
        })
        .sum();
    assert_eq!(available, OUTSTANDING + 1);
    assert_eq!(of("exchange|"), ACCEPTED);

    let requests = ledger.client.list("warehouse", "/v1/shipping-requests").await;
    assert_eq!(requests.len(), ACCEPTED);
    let mut ids: Vec<_> = requests.iter().map(|r| r["shipping_request_id"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), ACCEPTED, "every id is another");
    let mut lanes = std::collections::BTreeMap::<String, Vec<u64>>::new();
    for request in &requests {
        let sequence = request["sequence"].as_u64().expect("a number");
        lanes.entry(request["lane"].to_string()).or_default().push(sequence);
    }
    for (lane, sequences) in lanes {
        let dense: Vec<u64> = (1..).take(sequences.len()).collect();
        assert_eq!(sequences, dense, "{lane} has no gap, in the order of the log");
    }
}

/// Nothing personal is in a public text; every row is intact (a read checks that).
async fn check_log(folder: &Path) {
    let url = StoreUrl::Sqlite(folder.join("log.sqlite"));
    let store = EventStore::open(&url, Access::Read).await.expect("it opens");
    let partition = log_record::Partition(0);
    let mut after = log_record::Position::START;
    loop {
        let rows = store.read(partition, after, usize::MAX).await.expect("every row is intact");
        let Some(last) = rows.last() else { return };
        after = last.position();
        assert!(rows.iter().all(|row| !row.public.contains("deliver_to")));
    }
}

async fn dump(folder: &Path) -> Vec<String> {
    let read_model = read_model::ReadModelUrl::Sqlite(folder.join("read-model.sqlite"));
    let model = read_model::ReadModel::open(&read_model, None).await.expect("it opens");
    read_model::dump(&model).await.expect("it can be read")
}

fn import(ledger: &Ledger, folder: &Path) -> Output {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/complete-journey");
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command
        .args(["import", "--url", &ledger.client.url])
        .arg("--purchases")
        .arg(data.join("purchases.csv"))
        .arg("--redemptions")
        .arg(data.join("redemptions.csv"))
        .arg("--api-keys")
        .arg(folder.join("api-keys.json"))
        .arg("--journal")
        .arg(folder.join("journal.ndjson"));
    let output = ends(command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The figure behind a name in what the import prints.
fn reported(output: &Output, name: &str) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).trim().to_owned()
}

//! Receipts of exchanges, verified without the ledger: by `guerdon verify receipt` and by
//! `docs/verify_receipt.py`, which shares no code with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use services::TestDatabase;
use transparency::{Note, SigningKey, VerifierKey};

use crate::ledger::tool::guerdon;
use crate::ledger::{Ledger, PATIENCE, ends};

/// What the verifier in Python needs.
const PYTHON: &str = "pynacl==1.6.2";

const RECEIPT: &str = "/v1/accounts/ann/exchanges/x-1/receipt";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_is_verified_without_the_ledger_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("log.sqlite").display());
    a_receipt_is_verified_without_the_ledger(&store, folder.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_is_verified_without_the_ledger_on_postgres() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = TestDatabase::create().expect("a database");
    let migrated = guerdon(folder.path(), &["migrate", "--store", &database.url()]);
    assert!(migrated.status.success(), "{migrated:?}");
    a_receipt_is_verified_without_the_ledger(&database.url(), folder.path()).await;
}

async fn a_receipt_is_verified_without_the_ledger(store: &str, folder: &Path) {
    let ledger = Ledger::start_on(store, folder, &[]);
    let receipt = a_life_of_an_exchange(&ledger).await;
    let api = &ledger.client;
    let types: Vec<&str> = each(&receipt).map(|event| text(event, "type")).collect();
    let expected = [
        "credit-deducted",
        "credit-deducted",
        "exchange-created",
        "credit-refunded",
        "credit-refunded",
        "exchange-cancelled",
        "shipment-accepted",
        "shipment-dispatched",
    ];
    assert_eq!(types, expected);
    assert_eq!(receipt["complete"], json!(true));
    assert!(!receipt.to_string().contains("Elm Street"), "private texts aren't in it");
    let auditors = api.get("auditor", RECEIPT).await.is(200);
    assert_eq!(auditors["events"], receipt["events"]);
    api.get("warehouse", RECEIPT).await.is_problem(403, "forbidden");
    let missing = "/v1/accounts/ann/exchanges/x-9/receipt";
    api.get("shopper", missing).await.is_problem(404, "not-found");

    let keys = api.get("auditor", "/log/keys").await.is(200);
    let verifiers = Verifiers::new(folder, text(&keys["keys"][0], "key"));
    let [rust, python] = verifiers.agree(&receipt);
    let exchange = format!("exchange x-1 of ann: {} events are in guerdon/", expected.len());
    assert!(rust.starts_with(&exchange), "{rust}");
    assert!(python.contains("has these 8\n"), "{python}");
    for (pointer, value, by_rust, by_python) in tamperings(&receipt) {
        let mut tampered = receipt.clone();
        *tampered.pointer_mut(pointer).expect("a field") = value;
        verifiers.refuse(&tampered, by_rust, by_python);
    }
    let mut swapped = receipt.clone();
    swapped["events"].as_array_mut().expect("events").swap(3, 4);
    verifiers.refuse(&swapped, "isn't in the order of the log", "isn't in the order of the log");

    // Another key takes over. A receipt of before is still good, and so is a new one.
    let rotated = guerdon(folder, &["transparency", "rotate-key", "--store", store]);
    assert!(rotated.status.success(), "{rotated:?}");
    let begun = Instant::now();
    while api.get("auditor", "/log/keys").await.is(200)["keys"][1].is_null() {
        assert!(begun.elapsed() < PATIENCE, "the key hands over");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    api.earns("ann", 1, "B-2").await;
    let begun = Instant::now();
    let mut later = api.get("shopper", RECEIPT).await.is(200);
    while later["checkpoint"] == receipt["checkpoint"] || size(&later) == size(&receipt) {
        assert!(begun.elapsed() < PATIENCE, "what is appended is sealed");
        tokio::time::sleep(Duration::from_millis(50)).await;
        later = api.get("shopper", RECEIPT).await.is(200);
    }
    assert_eq!(later["handovers"].as_array().map(Vec::len), Some(1));
    verifiers.agree(&receipt);
    verifiers.agree(&later);
    // Whoever has stolen the old key signs the new tree with it.
    let stolen = first_secret_key(folder);
    let note: Note = text(&later, "checkpoint").parse().expect("a note");
    let origin = note.text().lines().next().expect("an origin");
    later["checkpoint"] = stolen.sign(origin, note.text()).expect("signed").to_string().into();
    verifiers.refuse(&later, "which signs sizes from 0 to ", "signed by a key outside its range");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_of_another_log_is_refused() {
    let (folder, other) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
    let mut found = vec![];
    for folder in [&folder, &other] {
        let ledger = Ledger::start(folder.path());
        let receipt = a_life_of_an_exchange(&ledger).await;
        let keys = ledger.client.get("auditor", "/log/keys").await.is(200);
        found.push((receipt, text(&keys["keys"][0], "key").to_owned()));
        assert_eq!(ledger.stop(), Some(0));
    }
    let verifiers = Verifiers::new(folder.path(), &found[0].1);
    verifiers.agree(&found[0].0);
    let another = "another log or partition";
    verifiers.refuse(&found[1].0, another, "is of another log or partition than the key");
    // Its events under a checkpoint of this one.
    let mut mixed = found[1].0.clone();
    mixed["checkpoint"] = found[0].0["checkpoint"].clone();
    verifiers.refuse(&mixed, another, "is of another log");
    // The same log's name on a key of somebody else's.
    let name = found[0].1.split('+').next().expect("a name");
    let forger = SigningKey::from_seed(&[7; 32]).expect("a key");
    let forged: VerifierKey = forger.verifier(name).expect("a key");
    let verifiers = Verifiers::new(folder.path(), &forged.to_string());
    verifiers.refuse(&found[0].0, "it isn't signed by", "isn't signed by this key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_without_a_signed_log_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_on("memory:", folder.path(), &[]);
    let api = &ledger.client;
    api.opens("mug", 300, None, None).await;
    api.earns("ann", 1_000, "B-1").await;
    let redeemed = api.redeems("ann", "x-1", "mug").await;
    let position = redeemed.position.clone().expect("a position");
    api.get_after(&position, "shopper", "/v1/accounts/ann/exchanges/x-1").await.is(200);
    let problem = api.get("shopper", RECEIPT).await.is_problem(503, "not-sealed");
    assert!(text(&problem, "detail").contains("signs no transparency log"), "{problem}");
    assert_eq!(ledger.stop(), Some(0));
}

/// An exchange that cost two units, was cancelled in part, and left; gives its receipt.
async fn a_life_of_an_exchange(ledger: &Ledger) -> Value {
    let api = &ledger.client;
    api.put("operator", "/v1/units/miles", json!({"name": "Miles"})).await.is(201);
    let prices = json!([{"unit": "points", "points": 100}, {"unit": "miles", "points": 3}]);
    let mug = json!({"product_id": "mug-blue", "prices": prices, "stock": null});
    api.put("operator", "/v1/offers/mug", mug).await.is(201);
    api.earns("ann", 1_000, "B-1").await;
    let cause = json!({"kind": "purchase", "id": "B-m"});
    let of_miles = json!({"points": 50, "unit": "miles", "cause": cause});
    api.post("merchant", "/v1/accounts/ann/credits", of_miles).await.is(201);
    let body = json!({"offer_id": "mug", "quantity": 3, "deliver_to": "1 Elm Street"});
    let exchange = api.put("shopper", "/v1/accounts/ann/exchanges/x-1", body).await;
    exchange.is(201);
    let place = exchange.position.clone().expect("a position").replace(':', "-");
    // In the meantime, somebody else.
    api.earns("bob", 7, "B-3").await;
    let cancel = "/v1/accounts/ann/exchanges/x-1/cancellations/c-1";
    api.put("shopper", cancel, json!({"quantity": 1})).await.is(201);
    let log = api.get("auditor", "/log/keys").await.is(200);
    let request = format!("{}-1-{place}", text(&log, "log_id"));
    let tell = async |what: &str, body: Value| {
        let path = format!("/v1/shipping-requests/{request}/{what}");
        api.put("warehouse", &path, body).await
    };
    tell("acceptance", json!({})).await.is(201);
    let parcel = json!({"carrier": "post", "express_no": "1Z 999"});
    let dispatched = tell("dispatch", parcel).await;
    dispatched.is(201);
    let position = dispatched.position.clone().expect("a position");
    api.get_after(&position, "shopper", RECEIPT).await.is(200)
}

/// Changes of a receipt, by field, and what each verifier says of them.
fn tamperings(receipt: &Value) -> Vec<(&'static str, Value, &'static str, &'static str)> {
    let created = &receipt["events"][2];
    let public = text(created, "public").replace("\"quantity\":3", "\"quantity\":4");
    let other_leaf = receipt["events"][3]["entry"].clone();
    let mut proof = created["proof"].clone();
    proof[0] = proof[1].clone();
    let note = text(receipt, "checkpoint");
    let size = note.lines().nth(1).expect("a size");
    let larger = note.replacen(&format!("\n{size}\n"), &format!("\n{size}0\n"), 1);
    vec![
        ("/events/2/public", public.into(), "its public text isn't", "has another public text"),
        ("/events/2/entry", other_leaf, "its entry is that of", "stands elsewhere"),
        ("/events/2/proof", proof, "its proof doesn't lead to the root", "isn't in the tree"),
        ("/events/2/position", json!("0:1"), "the event at 0:1: its entry", "stands elsewhere"),
        ("/events/2/type", json!("credit-earned"), "its type is", "is of another type"),
        ("/account_id", json!("bob"), "isn't of the account bob", "is of another account"),
        ("/exchange_id", json!("x-2"), "isn't of the exchange x-2", "is of another exchange"),
        ("/events", json!([]), "it has no exchange-created event", "no exchange-created event"),
        ("/checkpoint", larger.into(), "doesn't fit the text", "refused: Signature was forged"),
    ]
}

/// Both verifiers, with a key of the log.
struct Verifiers {
    folder: PathBuf,
    key: String,
    python: PathBuf,
}

impl Verifiers {
    fn new(folder: &Path, key: &str) -> Self {
        let python = services::python_with(PYTHON).expect("a Python");
        Self { folder: folder.into(), key: key.into(), python }
    }

    /// What each says of a receipt.
    fn ask(&self, receipt: &Value) -> [Output; 2] {
        let file = self.folder.join("receipt.json");
        fs::write(&file, receipt.to_string()).expect("written");
        let shown = file.display().to_string();
        let rust = guerdon(&self.folder, &["verify", "receipt", &shown, "--key", &self.key]);
        let mut command = Command::new(&self.python);
        let verifier = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/verify_receipt.py");
        command.arg(verifier).arg(file).arg(&self.key);
        [rust, ends(command)]
    }

    #[track_caller]
    fn agree(&self, receipt: &Value) -> [String; 2] {
        self.ask(receipt).map(|output| {
            assert!(output.status.success(), "{output:?}");
            String::from_utf8_lossy(&output.stdout).into_owned()
        })
    }

    #[track_caller]
    fn refuse(&self, receipt: &Value, by_rust: &str, by_python: &str) {
        let [rust, python] = self.ask(receipt);
        for (output, code, told) in [(rust, 3, by_rust), (python, 1, by_python)] {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(code), "{told}: {output:?}");
            assert!(said.contains(told) && !said.contains("Traceback"), "{told}: {said}");
        }
    }
}

/// The first secret key of a data folder.
pub(crate) fn first_secret_key(folder: &Path) -> SigningKey {
    let file = fs::read(folder.join("transparency/signing-keys.json")).expect("read");
    let file: Value = serde_json::from_slice(&file).expect("keys");
    let seed = file["seeds"][0].as_str().expect("a seed");
    SigningKey::from_seed(&log_record::parse_hex::<32>(seed).expect("a seed")).expect("a key")
}

fn each(receipt: &Value) -> impl Iterator<Item = &Value> {
    receipt["events"].as_array().expect("events").iter()
}

/// The size of a receipt's tree.
fn size(receipt: &Value) -> u64 {
    let line = text(receipt, "checkpoint").lines().nth(1);
    line.and_then(|size| size.parse().ok()).expect("a size")
}

pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{value} has no text {field}"))
}

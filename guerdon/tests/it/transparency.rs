//! The transparency log of a whole ledger: served, verified by `guerdon verify log` and by Go's own
//! packages, exported, and tampered with.

use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use services::TestDatabase;
use transparency::{Checkpoint, Note, TreeHash, consistency, inclusion, subtree_root};

use crate::ledger::tool::{guerdon, said, text};
use crate::ledger::{Api, Ledger, PATIENCE};

/// The events of one call that gives credit to many.
const CREDITS: u64 = 700;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auditor_verifies_a_running_ledger_and_go_an_export_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("log.sqlite").display());
    an_auditor_verifies_a_running_ledger_and_go_an_export(&store, folder.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auditor_verifies_a_running_ledger_and_go_an_export_on_postgres() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = TestDatabase::create().expect("a database");
    let migrated = guerdon(folder.path(), &["migrate", "--store", &database.url()]);
    assert!(migrated.status.success(), "{migrated:?}");
    an_auditor_verifies_a_running_ledger_and_go_an_export(&database.url(), folder.path()).await;
}

#[cfg(feature = "kurrent")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auditor_verifies_a_running_ledger_and_go_an_export_on_kurrent() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = services::KurrentServer::start().expect("a server");
    an_auditor_verifies_a_running_ledger_and_go_an_export(&server.url("main"), folder.path()).await;
}

async fn an_auditor_verifies_a_running_ledger_and_go_an_export(store: &str, folder: &Path) {
    let ledger = Ledger::start_on(store, folder, &[]);
    let api = &ledger.client;
    give(api, "first").await;
    let first = until_sealed(api, CREDITS).await;
    let keys = api.get("auditor", "/log/keys").await.is(200);
    let key = keys["keys"][0]["key"].as_str().expect("a key").to_owned();
    let (url, kept) = (format!("{}/log/0", api.url), folder.join("kept"));
    let (kept_file, api_keys) = (text(&kept), text(&folder.join("api-keys.json")));
    let online = ["verify", "log", &url, "--key", &key, "--kept", &kept_file];
    let verified = guerdon(folder, &[&online[..], &["--api-keys", &api_keys]].concat());
    assert!(verified.status.success(), "{verified:?}");
    assert!(said(&verified).contains("entries and tree of"), "{verified:?}");

    give(api, "second").await;
    until_sealed(api, 2 * CREDITS).await;
    // Whoever has no key of the ledger's verifies the tree.
    let verified = guerdon(folder, &[&online[..], &["--output", "json"]].concat());
    assert!(verified.status.success(), "{verified:?}");
    let verified: Value = serde_json::from_slice(&verified.stdout).expect("JSON");
    assert_eq!(verified["entries"], json!(false));
    assert!(verified["goes_on_from"].as_u64() >= Some(CREDITS), "{verified}");

    let exported = folder.join("exported");
    let export = ["transparency", "export", &text(&exported), "--store", store];
    let done = guerdon(folder, &export);
    assert!(done.status.success(), "{done:?}");
    let offline = ["verify", "log", &text(&exported), "--key", &key, "--kept", &kept_file];
    let verified = guerdon(folder, &offline);
    assert!(said(&verified).contains("it goes on from the kept checkpoint"), "{verified:?}");
    go_verifies(&exported, &key, &first);

    // A flipped bit, which is put right again.
    let bundle = exported.join("tile/entries/001");
    let whole = fs::read(&bundle).expect("read");
    let mut flipped = whole.clone();
    flipped[100] ^= 4;
    fs::write(&bundle, flipped).expect("written");
    let caught = guerdon(folder, &offline);
    assert_eq!(caught.status.code(), Some(3), "{caught:?}");
    assert!(String::from_utf8_lossy(&caught.stderr).contains("position 257: "), "{caught:?}");
    fs::write(&bundle, whole).expect("written");

    // Another key takes over, and the first leads to it.
    let rotated = guerdon(folder, &["transparency", "rotate-key", "--store", store]);
    assert!(rotated.status.success(), "{rotated:?}");
    let begun = Instant::now();
    while api.get("auditor", "/log/keys").await.is(200)["keys"][1].is_null() {
        assert!(begun.elapsed() < PATIENCE, "the key hands over");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let verified = guerdon(folder, &online);
    assert!(verified.status.success(), "{verified:?}");
    let new = guerdon(folder, &["transparency", "keys", "--output", "json", "--store", store]);
    let new: Value = serde_json::from_slice(&new.stdout).expect("JSON");
    let new = new["key"].as_str().expect("a key");
    assert!(said(&verified).contains(new), "{verified:?}");
    assert_eq!(ledger.stop(), Some(0));

    let ledger = Ledger::start_on(store, folder, &[]);
    let url = format!("{}/log/0", ledger.client.url);
    until_sealed(&ledger.client, 2 * CREDITS).await;
    let verified = guerdon(folder, &["verify", "log", &url, "--key", &key, "--kept", &kept_file]);
    assert!(verified.status.success(), "{verified:?}");
    assert_eq!(ledger.stop(), Some(0));
}

#[test]
fn a_place_without_a_log_and_a_key_that_is_none_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = "a+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let nothing = guerdon(folder.path(), &["verify", "log", &text(folder.path()), "--key", key]);
    assert_eq!(nothing.status.code(), Some(2), "the key's id is wrong: {nothing:?}");
    let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let nothing = guerdon(folder.path(), &["verify", "log", &text(folder.path()), "--key", key]);
    assert_eq!(nothing.status.code(), Some(1), "{nothing:?}");
    let told = String::from_utf8_lossy(&nothing.stderr).into_owned();
    assert!(told.contains("holds no checkpoint; name a folder"), "{told}");
    let nothing = guerdon(folder.path(), &["transparency", "rotate-key"]);
    assert_eq!(nothing.status.code(), Some(1), "{nothing:?}");
}

/// Gives credit to many accounts at once.
async fn give(api: &Api, cause: &str) {
    let credit = |number: u64| {
        let cause = json!({"kind": "review", "id": cause});
        json!({"account_id": format!("shopper-{number}"), "points": number + 1, "cause": cause})
    };
    let credits: Vec<Value> = (0..CREDITS).map(credit).collect();
    api.post("merchant", "/v1/credits", json!({"credits": credits})).await.is(200);
}

/// Waits until so many events are sealed; gives the checkpoint.
pub(crate) async fn until_sealed(api: &Api, size: u64) -> Note {
    let begun = Instant::now();
    loop {
        let answer = api.request("GET", "/log/0/checkpoint", "shopper").send().await;
        let text = answer.expect("answered").text().await.expect("a text");
        let note = text.parse::<Note>().ok();
        let sealed = note.as_ref().and_then(|note| Checkpoint::of(note).ok());
        if let (Some(note), true) = (note, sealed.is_some_and(|it| it.size >= size)) {
            return note;
        }
        assert!(begun.elapsed() < PATIENCE, "{size} aren't sealed: {text}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Runs the Go program of this folder on an export, with proofs that this project's crate made.
fn go_verifies(exported: &Path, key: &str, kept: &Note) {
    fs::write(exported.join("kept"), kept.to_string()).expect("written");
    let newest = fs::read_to_string(exported.join("checkpoint")).expect("read");
    let size = Checkpoint::of(&newest.parse().expect("a note")).expect("a checkpoint").size;
    let leaves = leaves(exported, size);
    let subtree = |level: u32, index: u64| -> Result<TreeHash, Infallible> {
        let first = usize::try_from(index << level).expect("an index");
        Ok(subtree_root(&leaves[first..first + (1 << level)]).expect("a full subtree"))
    };
    let included = |index| {
        let Ok(proof) = inclusion(index, size, subtree);
        json!({"index": index, "proof": proof})
    };
    let consistent = |earlier: u64| {
        let Ok(proof) = consistency(earlier, size, subtree);
        let mut tree = transparency::Frontier::default();
        leaves[..usize::try_from(earlier).expect("a size")].iter().for_each(|it| tree.append(*it));
        json!({"earlier": earlier, "root": tree.root(), "proof": proof})
    };
    let proofs = json!({
        "inclusion": (0..size).step_by(13).map(included).collect::<Vec<_>>(),
        "consistency": (1..size).step_by(97).map(consistent).collect::<Vec<_>>(),
    });
    fs::write(exported.join("proofs.json"), proofs.to_string()).expect("written");
    let mut go = services::go().expect("Go is there, or is fetched");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/transparency/go");
    go.args(["run", ".", &text(exported), key]).current_dir(program);
    let output = go.output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let (included, consistent) = (size.div_ceil(13), (size - 1).div_ceil(97));
    let expected =
        format!("{size} events, {included} inclusion proofs, {consistent} consistency proofs\n");
    assert_eq!(said(&output), expected);
}

/// The leaves of an export, read from its tiles.
fn leaves(exported: &Path, size: u64) -> Vec<TreeHash> {
    let tiles = transparency::TileKind::Hashes(0).tiles(size);
    let hashes = tiles.flat_map(|tile| {
        let bytes = fs::read(exported.join(tile.to_string())).expect("read");
        TreeHash::all_in(&bytes).expect("hashes")
    });
    hashes.collect()
}

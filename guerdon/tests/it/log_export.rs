//! A whole log as files, and as a log again in another store: the same byte for byte, verified
//! before anything serves from it, whatever is killed on the way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use event_store::{Access, EventStore, StoreUrl};
use rusqlite::Connection;
use serde_json::{Value, json};
use services::TestDatabase;
use transparency::{Checkpoint, Note};

use crate::ledger::log::{self, NEW_LOG};
use crate::ledger::{Api, Ledger, PATIENCE, audit, ends, faults, journey, serve};

/// Enough for several files, and small enough to have some.
const PER_FILE: &str = "700";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_goes_to_postgres_and_back_and_each_export_has_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let original = forked_year(folder.path()).await;
    let at = |name: &str| folder.path().join(name);
    succeeds(guerdon(folder.path(), &export(&original, &at("first"))));

    let database = TestDatabase::create().expect("a database");
    let on_postgres = database.url();
    imported(folder.path(), &at("first"), &on_postgres);
    succeeds(guerdon(folder.path(), &export(&on_postgres, &at("second"))));
    let back = sqlite(&at("back/log.sqlite"));
    imported(folder.path(), &at("second"), &back);
    succeeds(guerdon(folder.path(), &export(&back, &at("third"))));

    let first = files(&at("first"));
    assert!(first.len() > 4, "{} files are too few", first.len());
    assert!(first == files(&at("second")), "the export from PostgreSQL is another");
    assert!(first == files(&at("third")), "the export of the copy is another");
    let lines: Vec<u8> = first.iter().flat_map(|(_, bytes)| unpacked(bytes)).collect();
    let text = String::from_utf8(lines).expect("UTF-8");
    for words in ["Straße 7, Köln 東京", "\"generation\":2", "log-forked", "a \\\"drill\\\" é"]
    {
        assert!(text.contains(words), "{words} isn't in it");
    }
    let original = EventStore::open(&url(&original), Access::Read).await.expect("it opens");
    let original = original.with_archive(folder.path().join("archive"));
    assert!(!original.archived_ranges().await.expect("read").is_empty(), "nothing was archived");
    let events = log::read_all(&original).await.expect("read");
    for store in [&on_postgres, &back] {
        assert!(audit::events(&url(store)).await == events, "{store} holds other rows");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_imported_log_serves_the_same_balances_once_it_is_said_to_be_the_history() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let position = ledger.client.earns("ann", 500, "B-1").await;
    let balance = ledger.client.get_after(&position, "auditor", "/v1/accounts/ann").await.is(200);
    assert_eq!(ledger.stop(), Some(0));
    let (from, into) = (sqlite(&folder.path().join("log.sqlite")), folder.path().join("exported"));
    succeeds(guerdon(folder.path(), &export(&from, &into)));
    let elsewhere = tempfile::tempdir().expect("another folder");
    let store = sqlite(&elsewhere.path().join("log.sqlite"));
    imported(elsewhere.path(), &into, &store);
    // Run again, it finds all of it there.
    let again = succeeds(guerdon(elsewhere.path(), &import(&into, &store)));
    assert!(said(&again).contains("this run brought 0 of them"), "{again:?}");

    // It may be older than what was answered, like a backup.
    let refused = ends(serve(elsewhere.path()));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("nothing remembers how far the log"), "{told}");
    let ledger = Ledger::start_with(elsewhere.path(), &["--this-is-the-history"], &[]);
    let now = ledger.client.get_after(&position, "auditor", "/v1/accounts/ann").await.is(200);
    assert_eq!(now["available"], balance["available"]);
    ledger.client.earns("ann", 1, "B-2").await;
    assert_eq!(ledger.stop(), Some(0));
    // It has gone on, so it is nobody's to be filled.
    let again = guerdon(elsewhere.path(), &import(&into, &store));
    fails(&again, 1, "it is in use; import into an empty store");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_is_compared_with_a_signed_checkpoint_before_anything_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    api.earns("ann", 500, "B-1").await;
    let early = until_sealed(api, 2).await;
    for number in 0..20 {
        api.earns("bob", 7, &format!("B-{number}")).await;
    }
    until_sealed(api, 22).await;
    let keys = api.get("auditor", "/log/keys").await.is(200);
    let key = keys["keys"][0]["key"].as_str().expect("a key").to_owned();
    let store = sqlite(&folder.path().join("log.sqlite"));
    let into = folder.path().join("exported");
    // The ledger runs.
    succeeds(guerdon(folder.path(), &export(&store, &into)));
    assert_eq!(ledger.stop(), Some(0));
    let at = |name: &str| text(&folder.path().join(name));
    fs::write(at("kept"), early.to_string()).expect("written");
    let verify = |more: &[&str]| {
        guerdon(folder.path(), &[&["verify", "export", &text(&into)][..], more].concat())
    };
    let by_manifest = succeeds(verify(&["--key", &key]));
    assert!(said(&by_manifest).contains(&format!("signed by {key}")), "{by_manifest:?}");
    let by_file = succeeds(verify(&["--key", &key, "--checkpoint", &at("kept")]));
    assert!(said(&by_file).contains("of which the first "), "{by_file:?}");
    let by_nobody = succeeds(verify(&["--output", "json"]));
    let json: Value = serde_json::from_slice(&by_nobody.stdout).expect("JSON");
    assert!(json["partitions"][0].get("key").is_none() && json["events"].as_u64() > Some(20));

    // A key and a checkpoint of another log's.
    let other = tempfile::tempdir().expect("another");
    let stranger = Ledger::start(other.path());
    stranger.client.earns("ann", 500, "B-1").await;
    let foreign = until_sealed(&stranger.client, 2).await;
    let keys = stranger.client.get("auditor", "/log/keys").await.is(200);
    let foreign_key = keys["keys"][0]["key"].as_str().expect("a key").to_owned();
    assert_eq!(stranger.stop(), Some(0));
    fs::write(at("foreign"), foreign.to_string()).expect("written");
    fails(&verify(&["--key", &foreign_key]), 3, "was signed by none of the given keys");
    let with_foreign = ["--key", &foreign_key, "--checkpoint", &at("foreign")];
    fails(&verify(&with_foreign), 3, "and the export of log ");

    // An event that was sealed anew with other words, in a manifest that fits: only the checkpoint
    // that somebody kept shows it.
    rewrite(&into, 2);
    succeeds(verify(&[]));
    let kept = ["--key", &key, "--checkpoint", &at("kept")];
    fails(&verify(&kept), 3, "aren't those that the checkpoint ");
    let target = sqlite(&folder.path().join("never/log.sqlite"));
    let with_kept = guerdon(folder.path(), &with(import(&into, &target), &kept));
    fails(&with_kept, 3, "aren't those that the checkpoint ");
    fails(&verify(&["--key", &key]), 1, "the manifest has no checkpoint of partition 0");
    assert!(!folder.path().join("never").exists(), "something was made");
    // What isn't in order by itself is named by file and line.
    let file = first_file(&into);
    let lines = String::from_utf8(unpacked(&fs::read(&file).expect("read"))).expect("text");
    let mut lines: Vec<&str> = lines.split_inclusive('\n').collect();
    lines.swap(1, 2);
    pack(&file, lines.concat().as_bytes());
    let swapped = guerdon(folder.path(), &import(&into, &target));
    fails(&swapped, 3, ", line 2: it is the event at 0:3, where 0:2 should be");
    assert!(!folder.path().join("never").exists(), "something was made");
}

#[test]
fn what_can_not_be_exported_or_imported_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(Ledger::start(folder.path()).stop(), Some(0));
    let store = sqlite(&folder.path().join("log.sqlite"));
    let at = |name: &str| folder.path().join(name);
    let exported =
        |name: &str, more: &[&str]| guerdon(folder.path(), &with(export(&store, &at(name)), more));
    let there = sqlite(&at("there.sqlite"));
    let imported = |name: &str| guerdon(folder.path(), &import(&at(name), &there));
    succeeds(exported("hashes", &["--without-private"]));
    fails(&imported("hashes"), 1, "a ledger needs the private texts");
    succeeds(guerdon(folder.path(), &["verify", "export", &text(&at("hashes"))]));
    succeeds(exported("first", &["--until", "1"]));
    fails(&exported("beyond", &["--until", "999"]), 1, "ends at ");
    fails(&exported("later", &["--from", "999"]), 1, "before 999");
    fails(&exported("nowhere", &["--partition", "1"]), 1, "the log has no partition 1; it has 1");
    fails(&exported("first", &["--until", "1", "--without-private"]), 1, "name another folder");
    fails(&imported("nowhere-at-all"), 1, "there is no manifest.json");
    let in_memory = guerdon(folder.path(), &import(&at("first"), "memory:"));
    fails(&in_memory, 1, "memory: takes no import: a log there can't be marked as unfinished");
    let in_use = guerdon(folder.path(), &import(&at("first"), &store));
    fails(&in_use, 1, "it is in use; import into an empty store");
    succeeds(imported("first"));
    #[cfg(not(feature = "parquet"))]
    fails(&exported("parquet", &["--form", "parquet"]), 1, "this build writes no Parquet; build");
}

#[test]
fn a_range_that_begins_later_has_the_checksum_before_it_and_makes_no_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log.sqlite");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(log::append(&url(&sqlite(&file)), [40]));
    let into = folder.path().join("later");
    let range = ["--from", "11", "--until", "30", "--output", "json"];
    let done = with(export(&sqlite(&file), &into), &range);
    let done = succeeds(guerdon(folder.path(), &done));
    let done: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!((&done["events"], &done["ranges"][0]["first"]), (&json!(20), &json!(11)));
    let place = log_record::Place {
        partition: log_record::Partition(0),
        position: log_record::Position(10),
    };
    let before = runtime.block_on(async {
        let store = EventStore::open(&url(&sqlite(&file)), Access::Read).await.expect("opened");
        store.read_one(place).await.expect("read").checksum
    });
    assert_eq!(done["ranges"][0]["checksum_before"], log_record::hex(&before.0));
    succeeds(guerdon(folder.path(), &["verify", "export", &text(&into)]));
    let target = sqlite(&folder.path().join("target.sqlite"));
    let refused = guerdon(folder.path(), &import(&into, &target));
    fails(&refused, 1, "it begins at 0:11, and a log begins at 0:1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_is_killed_again_and_again_is_the_same_as_without() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = sqlite(&folder.path().join("log.sqlite"));
    log::append(&url(&store), [1_000; 20]).await;
    let (whole, into) = (folder.path().join("whole"), folder.path().join("killed"));
    let args = |into: &Path| export_by(&store, into, "100");
    succeeds(guerdon(folder.path(), &args(&whole)));
    let mut written = 0;
    for kill in 0..faults() * 4 {
        let mut running = begin(folder.path(), &args(&into));
        // From the folder's first file until some more files are there.
        let wanted = kill * 7 % 24;
        let begun = Instant::now();
        while count(&into) < written + wanted && running.try_wait().expect("asked").is_none() {
            assert!(begun.elapsed() < PATIENCE, "{} files", count(&into));
            std::thread::sleep(Duration::from_millis(1));
        }
        running.kill().expect("killed");
        running.wait().expect("gone");
        written = count(&into);
    }
    assert!(!into.join("manifest.json").exists() || written >= 200, "it ended by itself");
    println!("killed {} times, at last with {written} files", faults() * 4);
    // The log goes on; what was begun ends where it was to end.
    log::append(&url(&store), [10]).await;
    if !into.join("manifest.json").exists() {
        succeeds(guerdon(folder.path(), &args(&into)));
    }
    assert!(files(&into) == files(&whole), "it differs");
    fails(&guerdon(folder.path(), &args(&into)), 1, "0:1 to 0:20010");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_killed_serves_nothing_until_another_run_has_finished_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = sqlite(&folder.path().join("log.sqlite"));
    log::append(&url(&store), [1_000; 20]).await;
    let into = folder.path().join("exported");
    succeeds(guerdon(folder.path(), &export(&store, &into)));
    let events = audit::events(&url(&store)).await;
    let data = folder.path().join("imported");
    let file = data.join("log.sqlite");
    let landed = || {
        let count = "select count(*) from event";
        let asked =
            Connection::open(&file).and_then(|log| log.query_row(count, (), |it| it.get(0)));
        asked.unwrap_or(0_u64)
    };
    killed_and_finished(folder.path(), &into, &sqlite(&file), &events, &landed).await;
    let database = TestDatabase::create().expect("a database");
    let landed = || {
        let count = "select count(*) from guerdon_log.event";
        database.sql(count).ok().and_then(|count| count.parse().ok()).unwrap_or(0)
    };
    killed_and_finished(folder.path(), &into, &database.url(), &events, &landed).await;
}

async fn killed_and_finished(
    folder: &Path,
    export: &Path,
    store: &str,
    events: &[log_record::RecordedEvent],
    landed: &(dyn Fn() -> u64 + Sync),
) {
    let mut running = begin(folder, &import(export, store));
    let begun = Instant::now();
    while landed() == 0 {
        assert!(running.try_wait().expect("asked").is_none(), "it had ended by then");
        assert!(begun.elapsed() < PATIENCE, "nothing landed");
    }
    running.kill().expect("killed");
    running.wait().expect("gone");
    let half_way = landed();
    // Whoever would serve from it, or look into it, is told.
    let data = tempfile::tempdir().expect("a folder");
    for tool in ["serve", "check", "rebuild"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
        command.args([tool, "--store", store, "--data-dir"]).arg(data.path());
        command.env("GUERDON_LISTEN", "127.0.0.1:0");
        fails(&ends(command), 1, "is being imported, or its import was cut short; run the same");
    }
    let done = succeeds(guerdon(folder, &import(export, store)));
    let came = events.len() as u64 - half_way;
    println!("killed at {half_way} of {}: {}", events.len(), said(&done));
    let now: Vec<_> = audit::events(&url(store)).await;
    assert!(now == events, "{store} holds other rows");
    if came < events.len() as u64 {
        assert!(said(&done).contains("; this run brought "), "{done:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_into_what_another_one_has_begun_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = sqlite(&folder.path().join("log.sqlite"));
    log::append(&url(&store), [50]).await;
    let (one, target) = (folder.path().join("one"), folder.path().join("target.sqlite"));
    succeeds(guerdon(folder.path(), &export(&store, &one)));
    imported(folder.path(), &one, &sqlite(&target));
    let unfinished = "update log set import_state = 'unfinished'";
    Connection::open(&target).and_then(|log| log.execute(unfinished, ())).expect("marked");
    // Another history of the same log, and another log.
    let other = folder.path().join("other.sqlite");
    let forged = folder.path().join("forged");
    fs::create_dir(&forged).expect("made");
    for (name, bytes) in files(&one) {
        fs::write(forged.join(name), bytes).expect("written");
    }
    rewrite(&forged, 50);
    let refused = guerdon(folder.path(), &import(&forged, &sqlite(&target)));
    fails(&refused, 1, "the event at 0:50 in the store isn't the export's");
    let new_log =
        event_store::NewLog { log_id: log_record::LogId(uuid::Uuid::now_v7()), ..NEW_LOG };
    let stranger = StoreUrl::Sqlite(other.clone());
    drop(EventStore::open(&stranger, Access::Write(new_log)).await.expect("made"));
    let refused = guerdon(folder.path(), &import(&one, &sqlite(&other)));
    fails(&refused, 1, "holds log ");
    imported(folder.path(), &one, &sqlite(&target));
}

#[cfg(feature = "parquet")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parquet_export_read_by_duckdb_has_the_ledgers_sums_and_the_lines_of_the_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    journey::import(&ledger, folder.path());
    let api = &ledger.client;
    let offer = json!({"product_id": "mug-blue", "price": 1, "stock": 10});
    api.put("operator", "/v1/offers/mug", offer).await.is(201);
    api.earns("ann", 50, "B-1").await;
    let body = json!({"offer_id": "mug", "deliver_to": "Straße 7, Köln 東京"});
    let redeemed = api.put("shopper", "/v1/accounts/ann/exchanges/x-1", body).await;
    let position = redeemed.position.clone().expect("a position");
    let totals = api.get_after(&position, "auditor", "/v1/totals").await.is(200);
    assert_eq!(ledger.stop(), Some(0));
    let store = sqlite(&folder.path().join("log.sqlite"));
    let (lines, rows) = (folder.path().join("lines"), folder.path().join("rows"));
    succeeds(guerdon(folder.path(), &export(&store, &lines)));
    let parquet = with(export(&store, &rows), &["--form", "parquet"]);
    succeeds(guerdon(folder.path(), &parquet));
    let verified = succeeds(guerdon(folder.path(), &["verify", "export", &text(&rows)]));
    assert!(said(&verified).contains("of Parquet with"), "{verified:?}");
    let refused = guerdon(folder.path(), &import(&rows, &sqlite(&folder.path().join("no.sqlite"))));
    fails(&refused, 1, "it is Parquet, which is for analysis");

    let python = services::python_with("duckdb==2.0.0").expect("a Python with DuckDB");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/log_export/duckdb_sums.py");
    let output = Command::new(python).arg(program).arg(&rows).arg(&lines).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let sums: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(sums["differing_rows"], 0);
    for (name, sum) in sums["totals"].as_object().expect("sums") {
        assert_eq!(totals[name].as_str(), sum.as_str(), "{name}: {totals} {sums}");
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/log_export/columns.txt");
    let golden = fs::read_to_string(golden).expect("read");
    assert_eq!(sums["columns"].as_str().expect("a text"), golden, "the columns are frozen");
    // One changed byte, and the same again after a run that was cut short.
    let file = first_file(&rows);
    let whole = fs::read(&file).expect("read");
    let mut flipped = whole.clone();
    flipped[100] ^= 1;
    fs::write(&file, flipped).expect("written");
    let caught = guerdon(folder.path(), &["verify", "export", &text(&rows)]);
    fails(&caught, 3, ".parquet: its SHA-256 is ");
    succeeds(guerdon(folder.path(), &parquet));
    assert!(fs::read(&file).expect("read") == whole, "it was written otherwise");
}

/// A year of a ledger that was forked once, with its beginning archived, and words of several
/// alphabets in private texts.
async fn forked_year(folder: &Path) -> String {
    let ledger = Ledger::start(folder);
    journey::import(&ledger, folder);
    let offer = json!({"product_id": "mug-blue", "price": 1, "stock": 10});
    ledger.client.put("operator", "/v1/offers/mug", offer).await.is(201);
    ledger.client.earns("ann", 50, "B-1").await;
    let body = json!({"offer_id": "mug", "deliver_to": "Straße 7, Köln 東京"});
    ledger.client.put("shopper", "/v1/accounts/ann/exchanges/x-1", body).await.is(201);
    assert_eq!(ledger.stop(), Some(0));
    let file = folder.join("log.sqlite");
    let small = "update log set range_positions = 1000";
    Connection::open(&file).and_then(|log| log.execute(small, ())).expect("smaller ranges");
    let reason = ["fork-log", "--reason", "a \"drill\" é", "--without-evidence"];
    succeeds(guerdon(folder, &reason));
    succeeds(guerdon(folder, &["archive", "--older-than", "0d"]));
    // What was sealed stays behind, so that the exports of all three have the same manifest.
    fs::remove_dir_all(folder.join("transparency")).expect("removed");
    sqlite(&file)
}

/// Seals an event of an export anew with other words, and makes the manifest fit.
fn rewrite(folder: &Path, position: u64) {
    use log_export::{Manifest, Sha256Hex};
    use log_record::{LogId, NewEvent, Private, RecordedEvent};
    let path = folder.join("manifest.json");
    let mut manifest: Manifest =
        serde_json::from_slice(&fs::read(&path).expect("read")).expect("a manifest");
    let at = manifest.files.iter().position(|file| file.first <= position && position <= file.last);
    let entry = &mut manifest.files[at.expect("it is there")];
    let file = folder.join(&entry.name);
    let text = String::from_utf8(unpacked(&fs::read(&file).expect("read"))).expect("text");
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    let index = usize::try_from(position - entry.first).expect("an index");
    let event = RecordedEvent::from_line(&lines[index]).expect("an event");
    let Private::Text(private) = event.private else { panic!("erased") };
    let new = NewEvent {
        event_type: "credit-earned",
        version: event.version,
        recorded_at: event.recorded_at,
        account_id: event.account_id,
        public: r#"{"points":1000000}"#.into(),
        private,
    };
    let log_id = LogId(manifest.log_id);
    let event = RecordedEvent::seal(log_id, event.generation, event.place, new);
    lines[index] = event.to_line().expect("a line");
    pack(&file, (lines.join("\n") + "\n").as_bytes());
    let bytes = fs::read(&file).expect("read");
    let checksum = Sha256Hex::from(event.checksum);
    if position == entry.first {
        entry.first_checksum = checksum;
    }
    if position == entry.last {
        entry.last_checksum = checksum;
    }
    entry.bytes = bytes.len() as u64;
    entry.sha256 = Sha256Hex::of(&bytes);
    entry.lines_sha256 = Some(Sha256Hex::of(&unpacked(&bytes)));
    let range = &mut manifest.ranges[0];
    range.checkpoint = None;
    if position == range.last {
        range.last_checksum = Some(checksum);
    }
    fs::write(path, serde_json::to_vec(&manifest).expect("JSON")).expect("written");
}

/// Waits until so many events are sealed; gives the checkpoint.
async fn until_sealed(api: &Api, size: u64) -> Note {
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
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn export(store: &str, into: &Path) -> Vec<String> {
    export_by(store, into, PER_FILE)
}

fn export_by(store: &str, into: &Path, per_file: &str) -> Vec<String> {
    let args = ["log", "export", &text(into), "--store", store, "--events-per-file", per_file];
    args.map(ToOwned::to_owned).into()
}

fn with(mut args: Vec<String>, more: &[&str]) -> Vec<String> {
    args.extend(more.iter().map(|more| (*more).to_owned()));
    args
}

fn import(from: &Path, store: &str) -> Vec<String> {
    ["log", "import", &text(from), "--store", store].map(ToOwned::to_owned).into()
}

fn imported(folder: &Path, from: &Path, store: &str) {
    let done = succeeds(guerdon(folder, &import(from, store)));
    assert!(said(&done).contains("events, all verified"), "{done:?}");
}

fn guerdon<T: AsRef<str>>(folder: &Path, args: &[T]) -> Output {
    ends(command(folder, args))
}

fn command<T: AsRef<str>>(folder: &Path, args: &[T]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(args.iter().map(AsRef::as_ref)).env("GUERDON_DATA_DIR", folder);
    command.env("RUST_LOG", "warn").stdin(Stdio::null());
    command
}

fn begin(folder: &Path, args: &[String]) -> Child {
    let mut command = command(folder, args);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs")
}

#[track_caller]
fn succeeds(output: Output) -> Output {
    assert!(output.status.success(), "{output:?}");
    output
}

#[track_caller]
fn fails(output: &Output, code: i32, what: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{told}");
    assert!(told.contains(what), "{told}");
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn sqlite(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

fn url(store: &str) -> StoreUrl {
    store.parse().expect("a URL")
}

/// Every file of a folder, by its name.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("read").map(|entry| entry.expect("read").path());
    let read = |path: PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, fs::read(path).expect("read"))
    };
    let mut files: Vec<_> = entries.map(read).collect();
    files.sort();
    files
}

/// How many whole files of events there are.
fn count(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.flatten().filter(|it| it.file_name().to_string_lossy().ends_with(".gz")).count()
}

fn first_file(folder: &Path) -> PathBuf {
    let (name, _) = files(folder).into_iter().find(|(name, _)| name.starts_with('0')).expect("one");
    folder.join(name)
}

/// The lines of a file; nothing where it isn't packed.
fn unpacked(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut lines = vec![];
    let unpacked = flate2::read::GzDecoder::new(bytes).read_to_end(&mut lines);
    unpacked.map(|_| lines).unwrap_or_default()
}

fn pack(file: &Path, lines: &[u8]) {
    use std::io::Write as _;
    let mut packed = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
    packed.write_all(lines).expect("packed");
    fs::write(file, packed.finish().expect("packed")).expect("written");
}

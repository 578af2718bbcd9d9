//! A whole log as files, and as a log again in another store: the same byte for byte, verified
//! before anything serves from it, whatever is killed on the way.

mod killed;
pub(crate) mod tools;

use std::fs;
use std::path::Path;

use event_store::{Access, Append, EventStore, NewLog};
use log_record::{NewEvent, Partition, WriterId};
use rusqlite::Connection;
use serde_json::{Value, json};
use services::TestDatabase;
use uuid::Uuid;

use crate::ledger::tool::{fails, guerdon, said, sqlite, succeeds, text, url};
use crate::ledger::{Ledger, audit, ends, journey, log, serve};
use crate::transparency::until_sealed;
use tools::{export, files, first_file, import, imported, pack, rewrite, unpacked, with};

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
    for words in ["Straße 7, Köln 東京", "log-forked", "a \\\"drill\\\" é"] {
        assert!(text.contains(words), "{words} isn't in it");
    }
    let original = EventStore::open(&url(&original), Access::Read).await.expect("it opens");
    let original = original.with_archive(folder.path().join("archive"));
    assert!(!original.archived_ranges().await.expect("read").is_empty(), "nothing was archived");
    let events = log::read_all(&original).await.expect("read");
    assert!(events.last().is_some_and(|event| event.generation.0 > 1), "it was never forked");
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
    // No export has the key under which codes are hashed.
    let offer = json!({"product_id": "gift", "price": 1, "codes": true});
    ledger.client.put("operator", "/v1/offers/gift", offer).await.is(201);
    let codes = json!({"codes": ["GIFT-1"]});
    let refused = ledger.client.put("merchant", "/v1/offers/gift/code-uploads/u-1", codes).await;
    refused.is_problem(409, "code-key-missing");
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
async fn every_partition_comes_along_and_one_alone_makes_no_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let store = sqlite(&at("log.sqlite"));
    let three = NewLog { partitions: 3, ..log::NEW_LOG };
    {
        let opened = EventStore::open(&url(&store), Access::Write(three)).await.expect("made");
        // Nothing is in the second.
        for (partition, count) in [(0, 5), (2, 800)] {
            let partition = Partition(partition);
            let head = opened.take_over(partition, WriterId(Uuid::now_v7())).await.expect("taken");
            let events = (0..count).map(|number| NewEvent {
                event_type: "credit-earned",
                version: 1,
                recorded_at: number,
                account_id: None,
                public: format!(r#"{{"points":{number}}}"#).into(),
                private: r#"{"salt":"00"}"#.into(),
            });
            let append = Append::after(partition, &head, events.collect());
            opened.append(append).await.expect("appended");
        }
    }
    let exported = succeeds(guerdon(folder.path(), &export(&store, &at("all"))));
    for range in ["0:1 to 0:5", "no event of partition 1", "2:1 to 2:800"] {
        assert!(said(&exported).contains(range), "{exported:?}");
    }
    let there = sqlite(&at("there.sqlite"));
    imported(folder.path(), &at("all"), &there);
    succeeds(guerdon(folder.path(), &export(&there, &at("again"))));
    assert!(files(&at("all")) == files(&at("again")), "they differ");
    let alone = with(export(&store, &at("alone")), &["--partition", "2", "--from", "1"]);
    succeeds(guerdon(folder.path(), &alone));
    let refused = guerdon(folder.path(), &import(&at("alone"), &sqlite(&at("no.sqlite"))));
    fails(&refused, 1, "it lacks partition 0, and the log has 3; import an export of all");
    let unclear = with(export(&store, &at("unclear")), &["--until", "3"]);
    fails(&guerdon(folder.path(), &unclear), 1, "say which one with --partition");
}

/// A year of a ledger that was forked once, with its beginning archived, and words of several
/// alphabets in private texts.
async fn forked_year(folder: &Path) -> String {
    let ledger = Ledger::start(folder);
    journey::import(&ledger, folder);
    let offer = json!({"product_id": "mug-blue", "price": 1, "stock": 10});
    ledger.client.put("operator", "/v1/offers/mug", offer).await.is(201);
    ledger.client.earns("ann", 50, "B-1").await;
    let body = json!({"offer_id": "mug", "quantity": 1, "deliver_to": "Straße 7, Köln 東京"});
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

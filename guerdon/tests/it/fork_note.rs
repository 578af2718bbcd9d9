//! A writer that finds its log forked leaves a note, and no later start is ready without an
//! operator's word, also where no read model and no snapshot knows of the lost events.

use std::path::Path;
use std::process::Output;

use event_store::{Access, Append, EventStore, StoreUrl};
use log_record::{NewEvent, Partition, WriterId};
use services::TestDatabase;
use uuid::Uuid;

use crate::ledger::tool::guerdon;
use crate::ledger::{Ledger, ends, serve};

/// It keeps no read model that could know better.
const ALONE: [&str; 2] = ["--role", "command-api"];

const LOSE: &str = "delete from guerdon_log.event where position > 3;
    update guerdon_log.partition_head set position = 3";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_writer_knew_of_a_fork_stops_the_next_start_on_postgres() {
    let (database, folder) = prepared();
    let lost = forked(&database, folder.path(), LOSE).await;
    assert!(lost.contains("was at 0:5 and now ends at 0:3: 2 events"), "{lost}");
    let note = folder.path().join("log-forked.json");
    assert!(note.exists());

    // A supervisor starts it again, and again.
    for _ in 0..3 {
        let said = refused(&database, folder.path());
        for part in ["log-forked", "0:5", "log-forked.json", "guerdon fork-log"] {
            assert!(said.contains(part), "{part:?} is not in: {said}");
        }
    }
    let head = "select position from guerdon_log.partition_head";
    assert_eq!(database.sql(head).expect("asked"), "3", "no position was used again");

    // The note is the evidence, and its end.
    let declared = fork_log(&database, folder.path());
    let said = String::from_utf8_lossy(&declared.stdout).into_owned();
    assert!(said.contains("goes on in generation 2 after 0:3"), "{declared:?}");
    assert!(!note.exists());
    let ledger = Ledger::start_on(&database.url(), folder.path(), &ALONE);
    assert_eq!(ledger.client.earns("ann", 1, "B-3").await, "0:5");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_right_log_is_started_on_without_a_word_and_the_note_is_gone_on_postgres() {
    let (database, folder) = prepared();
    let keep = "create table kept as select * from guerdon_log.event where position > 3";
    forked(&database, folder.path(), &format!("{keep}; {LOSE}")).await;
    refused(&database, folder.path());
    let restore = "insert into guerdon_log.event select * from kept;
        update guerdon_log.partition_head set position = 5";
    database.sql(restore).expect("restored");
    let ledger = Ledger::start_on(&database.url(), folder.path(), &ALONE);
    assert!(!folder.path().join("log-forked.json").exists());
    assert_eq!(ledger.client.earns("ann", 1, "B-4").await, "0:6");
    assert_eq!(ledger.stop(), Some(0));
}

/// Another history of the same length: its last event has another checksum.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_history_of_the_same_length_is_a_fork_on_postgres() {
    let (database, folder) = prepared();
    let ledger = Ledger::start_on(&database.url(), folder.path(), &ALONE);
    earns_three(&ledger).await;
    database.sql(LOSE).expect("lost");
    let url: StoreUrl = database.url().parse().expect("a URL");
    let log = serve_log_id(&url).await;
    let store = EventStore::open(&url, Access::Write(log)).await.expect("it opens");
    let head = store.take_over(Partition(0), WriterId(Uuid::now_v7())).await.expect("taken over");
    let event = || NewEvent {
        event_type: "credit-earned",
        version: 1,
        recorded_at: 1,
        account_id: Some("eve".into()),
        public: "{}".into(),
        private: r#"{"salt":"00"}"#.into(),
    };
    let append = Append::after(Partition(0), &head, vec![event(), event()]);
    store.append(append).await.expect("appended");
    let said = ends_forked(ledger).await;
    assert!(said.contains("is another than the one that was answered"), "{said}");
    refused(&database, folder.path());
}

/// Also where the command was killed before it had removed the note.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_that_was_declared_elsewhere_ends_the_note_on_postgres() {
    let (database, folder) = prepared();
    forked(&database, folder.path(), LOSE).await;
    let file = folder.path().join("log-forked.json");
    let note = std::fs::read(&file).expect("it is there");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let args = ["fork-log", "--reason", "the end was lost", "--without-evidence"];
    let declared = tool(&args, &database, elsewhere.path());
    assert!(declared.status.success(), "{declared:?}");

    let again = fork_log(&database, folder.path());
    let said = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(said.contains("declared already") && said.contains("guerdon rebuild"), "{said}");
    assert!(!file.exists());
    std::fs::write(&file, note).expect("written");
    let ledger = Ledger::start_on(&database.url(), folder.path(), &ALONE);
    assert!(!file.exists());
    assert_eq!(ledger.client.earns("ann", 1, "B-3").await, "0:5");
    assert_eq!(ledger.stop(), Some(0));
    let generations = "select count(distinct generation) from guerdon_log.event";
    assert_eq!(database.sql(generations).expect("asked"), "2", "one fork was declared");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_with_another_log_is_refused_and_leaves_the_note_on_postgres() {
    let (database, folder) = prepared();
    forked(&database, folder.path(), LOSE).await;
    let (other, _) = prepared();
    let ledger = Ledger::start_on(&other.url(), &folder.path().join("other"), &ALONE);
    assert_eq!(ledger.stop(), Some(0));
    // The archive's folder would say it, too, if it were there.
    std::fs::remove_dir_all(folder.path().join("archive")).expect("removed");
    let mut command = serve(folder.path());
    command.args(["--store", &other.url(), "--api-keys-elsewhere"]).args(ALONE);
    let output = ends(command);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "it started: {said}");
    for part in ["log-forked.json is of the log", "--store", "--data-dir"] {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
    refused(&database, folder.path());
}

fn prepared() -> (TestDatabase, tempfile::TempDir) {
    let (database, folder) =
        (TestDatabase::create().expect("a database"), tempfile::tempdir().expect("a folder"));
    let migrated = tool(&["migrate"], &database, folder.path());
    assert!(migrated.status.success(), "{migrated:?}");
    (database, folder)
}

async fn serve_log_id(url: &StoreUrl) -> event_store::NewLog {
    let there = EventStore::open(url, Access::Read).await.expect("it opens");
    event_store::NewLog { log_id: there.log_id(), partitions: there.partitions() }
}

/// Events at 0:2 to 0:5.
async fn earns_three(ledger: &Ledger) {
    for number in 0..4 {
        ledger.client.earns("ann", 1, &format!("A-{number}")).await;
    }
}

/// A ledger whose log loses its end while it runs; what it said as it ended.
async fn forked(database: &TestDatabase, folder: &Path, lose: &str) -> String {
    let ledger = Ledger::start_on(&database.url(), folder, &ALONE);
    earns_three(&ledger).await;
    database.sql(lose).expect("lost");
    ends_forked(ledger).await
}

async fn ends_forked(ledger: Ledger) -> String {
    let body = serde_json::json!({"points": 1, "cause": {"kind": "purchase", "id": "B-2"}});
    let answer = ledger.client.post("merchant", "/v1/accounts/ann/credits", body).await;
    answer.is_problem(503, "not-decided");
    let (code, said) = tokio::task::block_in_place(|| ledger.ends());
    assert_eq!(code, Some(1), "{said}");
    said
}

fn refused(database: &TestDatabase, folder: &Path) -> String {
    let mut command = serve(folder);
    command.args(["--store", &database.url()]).args(ALONE);
    let output = ends(command);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("log-forked"), "it started: {said}");
    said
}

fn fork_log(database: &TestDatabase, folder: &Path) -> Output {
    let forked = tool(&["fork-log", "--reason", "the end was lost"], database, folder);
    assert!(forked.status.success(), "{forked:?}");
    forked
}

fn tool(args: &[&str], database: &TestDatabase, folder: &Path) -> Output {
    guerdon(folder, &[args, &["--store", &database.url()]].concat())
}

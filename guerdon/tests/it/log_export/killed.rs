//! Exports and imports that are killed are finished by another run.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use event_store::{Access, EventStore, StoreUrl};
use rusqlite::Connection;
use services::TestDatabase;

use super::tools::{begin, count, export, export_by, files, import, imported, rewrite};
use crate::ledger::log::{self, NEW_LOG};
use crate::ledger::tool::{fails, guerdon, said, sqlite, succeeds, tool, url};
use crate::ledger::{PATIENCE, audit, ends, faults};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_is_killed_again_and_again_is_the_same_as_without() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = sqlite(&folder.path().join("log.sqlite"));
    log::append(&url(&store), [1_000; 8]).await;
    let (whole, into) = (folder.path().join("whole"), folder.path().join("killed"));
    let args = |into: &Path| export_by(&store, into, "50");
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
    assert!(!into.join("manifest.json").exists() || written >= 160, "it ended by itself");
    println!("killed {} times, at last with {written} files", faults() * 4);
    // The log goes on; what was begun ends where it was to end.
    log::append(&url(&store), [10]).await;
    if !into.join("manifest.json").exists() {
        succeeds(guerdon(folder.path(), &args(&into)));
    }
    assert!(files(&into) == files(&whole), "it differs");
    fails(&guerdon(folder.path(), &args(&into)), 1, "0:1 to 0:8010");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_killed_serves_nothing_until_another_run_has_finished_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = sqlite(&folder.path().join("log.sqlite"));
    log::append(&url(&store), [1_000; 12]).await;
    let into = folder.path().join("exported");
    succeeds(guerdon(folder.path(), &export(&store, &into)));
    let events = audit::events(&url(&store)).await;
    let data = folder.path().join("imported");
    let file = data.join("log.sqlite");
    let landed = || {
        let count = "select count(*) from event";
        let asked = Connection::open(&file)
            .and_then(|log| log.query_row(count, (), |row| row.get::<_, i64>(0)));
        asked.unwrap_or_default().cast_unsigned()
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
    for name in ["serve", "check", "rebuild"] {
        let mut command = tool(data.path(), &[name, "--store", store]);
        command.env("GUERDON_LISTEN", "127.0.0.1:0");
        fails(
            &ends(command),
            1,
            "isn't whole: an import or a copy is filling it, or was cut short; run",
        );
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

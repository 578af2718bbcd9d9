//! The files of a ledger on SQLite: moved by somebody while it runs, and small in quiet times.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::ledger::{Ledger, PATIENCE, said};

/// What a write-ahead file is cut to.
const QUIET_BYTES: u64 = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_answered_from_a_log_whose_write_ahead_file_was_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.opens("mug", 300, None, None).await;
    ledger.client.earns("ann", 500, "B-1").await;
    fs::remove_file(folder.path().join("log.sqlite-wal")).expect("removed");
    let api = ledger.client.clone();
    match api.send(api.redemption("ann", "x-1", "mug")).await {
        Ok(answer) => drop(answer.is_problem(503, "not-decided")),
        // It has ended by then.
        Err(error) => assert!(error.is_connect() || error.is_request(), "{error:?}"),
    }
    ends(ledger, "write-ahead file (-wal) was removed").await;

    // All that was answered is there.
    let ledger = Ledger::start(folder.path());
    ledger.client.redeems("ann", "x-1", "mug").await.is(201);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_ledger_notices_that_its_files_were_moved() {
    let folder = tempfile::tempdir().expect("a folder");
    for (file, says) in [
        ("log.sqlite-wal", "write-ahead file (-wal) was removed"),
        ("log.sqlite", "it was removed or replaced"),
    ] {
        let ledger = Ledger::start(folder.path());
        fs::rename(folder.path().join(file), folder.path().join("moved")).expect("moved");
        ends(ledger, says).await;
    }
}

/// By itself, with the reason.
async fn ends(ledger: Ledger, says: &str) {
    let (code, said) = tokio::task::spawn_blocking(|| ledger.ends()).await.expect("it ends");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(says), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_write_ahead_files_become_small_in_quiet_times() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let names = ["log.sqlite", "read-model.sqlite"];
    // Who reads keeps the files from being cut meanwhile, also on a machine that is slow.
    let readers = names.map(|name| {
        let reader = rusqlite::Connection::open(folder.path().join(name)).expect("it opens");
        reader.execute_batch("begin; select count(*) from sqlite_master").expect("it reads");
        reader
    });
    let files = names.map(|name| folder.path().join(format!("{name}-wal")));
    let mut purchases = 0;
    while files.iter().any(|file| size(file) <= QUIET_BYTES) {
        assert!(purchases < 5_000, "{:?}", files.each_ref().map(|file| size(file)));
        ledger.client.earns("ann", 1, &format!("B-{purchases}")).await;
        purchases += 1;
    }
    drop(readers);
    let begun = Instant::now();
    while files.iter().any(|file| size(file) > QUIET_BYTES) {
        assert!(begun.elapsed() < PATIENCE, "{:?}", files.each_ref().map(|file| size(file)));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // It goes on as before.
    let position = ledger.client.earns("ann", 1, "B-last").await;
    let account = ledger.client.get_after(&position, "shopper", "/v1/accounts/ann").await.is(200);
    assert_eq!(account["available"], purchases + 1);
    assert_eq!(ledger.stop(), Some(0), "{}", said(folder.path()));
}

fn size(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |file| file.len())
}

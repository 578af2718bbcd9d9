//! Snapshots of a real ledger: taken while it serves, gone on from, killed half written, and
//! refused where they contradict the log.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::ledger::{Ledger, PATIENCE, ends, serve};

#[tokio::test]
async fn a_ledger_takes_snapshots_while_it_serves_and_starts_from_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with(folder.path(), &["--snapshot-every", "20"], &[]);
    ledger.client.opens("mug", 3, Some(1_000), None).await;
    ledger.client.earns("ann", 900, "B-1").await;
    for number in 0..20 {
        ledger.client.redeems("ann", &format!("x-{number}"), "mug").await.is(201);
    }
    let started = Instant::now();
    while snapshots(folder.path()).is_empty() {
        assert!(started.elapsed() < PATIENCE, "no snapshot was taken");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let last = ledger.client.redeems("ann", "x-last", "mug").await;
    let last = last.position.expect("it was recorded");
    ledger.kill();
    let ledger = Ledger::start(folder.path());
    for id in ["x-0", "x-19", "x-last"] {
        ledger.client.redeems("ann", id, "mug").await.is(200);
    }
    let offer = ledger.client.get_after(&last, "operator", "/v1/offers/mug").await.is(200);
    assert_eq!(offer["remaining"], 979);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test]
async fn a_snapshot_is_killed_half_written_and_the_ledger_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with(folder.path(), &["--snapshot-every", "0"], &[]);
    ledger.client.opens("mug", 3, Some(10_000), None).await;
    ledger.client.earns("ann", 90_000, "B-1").await;
    for round in 0..30 {
        ledger.client.redeems("ann", &format!("x-{round}"), "mug").await.is(201);
        let mut taking = snapshot(folder.path()).spawn().expect("it starts");
        // From before it has opened the log until after it is done.
        tokio::time::sleep(Duration::from_millis(round)).await;
        taking.kill().expect("killed");
        taking.wait().expect("gone");
    }
    assert_eq!(ledger.stop(), Some(0));
    let ledger = Ledger::start(folder.path());
    for round in 0..30 {
        ledger.client.redeems("ann", &format!("x-{round}"), "mug").await.is(200);
    }
    assert_eq!(ledger.stop(), Some(0));
    assert!(ends(snapshot(folder.path())).status.success());
    let kept = snapshots(folder.path());
    assert!((1..=2).contains(&kept.len()), "{kept:?}");
    let again = ends(snapshot(folder.path()));
    assert!(String::from_utf8_lossy(&again.stdout).contains("holds all up to 0:"), "{again:?}");
}

#[tokio::test]
async fn a_log_shorter_than_its_snapshot_is_a_fork() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log.sqlite");
    let ledger = Ledger::start(folder.path());
    ledger.client.earns("ann", 1, "B-1").await;
    assert_eq!(ledger.stop(), Some(0));
    let backup = fs::read(&log).expect("read");
    let ledger = Ledger::start(folder.path());
    ledger.client.earns("ann", 1, "B-2").await;
    assert_eq!(ledger.stop(), Some(0));
    assert!(ends(snapshot(folder.path())).status.success());
    fs::write(&log, backup).expect("an old backup was restored");
    for command in [serve(folder.path()), snapshot(folder.path())] {
        let refused = ends(command);
        let error = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success(), "{error}");
        for part in
            ["log-forked", "0:3", "its head is at 2", "restore the right log", "guerdon fork-log"]
        {
            assert!(error.contains(part), "{part:?} is not in: {error}");
        }
    }
}

#[tokio::test]
async fn a_snapshot_that_fails_hurts_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    // Nothing can be put into a folder that is a file.
    fs::write(folder.path().join("snapshots"), "").expect("written");
    let ledger = Ledger::start_with(folder.path(), &["--snapshot-every", "1"], &[]);
    ledger.client.earns("ann", 900, "B-1").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    ledger.client.earns("ann", 900, "B-2").await;
    assert_eq!(ledger.stop(), Some(0));
    let refused = ends(snapshot(folder.path()));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("can't make the folder of"));
}

fn snapshot(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(["snapshot", "--data-dir"]).arg(folder).env("RUST_LOG", "warn");
    command.stdout(std::process::Stdio::null());
    command
}

fn snapshots(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.join("snapshots")).into_iter().flatten().flatten();
    let files = files.map(|file| file.path());
    files.filter(|file| file.extension().is_some_and(|end| end == "snapshot")).collect()
}

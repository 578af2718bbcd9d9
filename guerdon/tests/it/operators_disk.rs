//! What an operator's tools leave on the disk: nothing half written where it is full, and nothing
//! that the server can't read.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
use std::process::{Command, Output};

use crate::ledger::full_disk::full_disk_library;
use crate::ledger::{Ledger, ends};

#[tokio::test]
async fn an_archive_and_a_snapshot_on_a_full_disk_leave_nothing_and_say_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    ledger_with_a_range(&data).await;
    let library = full_disk_library(folder.path());
    for (args, left) in
        [(&["archive", "--older-than", "0d"][..], "archive"), (&["snapshot"], "snapshots")]
    {
        let mut command = tool(&data, args);
        command.env("LD_PRELOAD", &library).env("DISK_TAKES", "600");
        let output = ends(command);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{args:?}: {output:?}");
        assert!(said.contains("No space left on device"), "{args:?}: {said}");
        assert!(!said.contains("serialize"), "{args:?}: {said}");
        let names = fs::read_dir(data.join(left)).expect("listed").flatten();
        let names: Vec<_> = names.map(|file| file.file_name()).collect();
        let is_known = |name: &std::ffi::OsString| name == "lock" || name == "archive.json";
        assert!(names.iter().all(is_known), "{names:?}");
    }
    // There is room again.
    done(&ends(tool(&data, &["archive", "--older-than", "0d"])));
    done(&ends(tool(&data, &["snapshot"])));
    let ledger = Ledger::start(&data);
    ledger.client.redeems("ann", "x-1", "mug").await.is(200);
    assert_eq!(ledger.stop(), Some(0));
}

/// What is left in a journal would be applied to an older copy that is put in the log's place.
#[tokio::test]
async fn a_tool_on_a_stopped_ledger_leaves_no_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    ledger_with_a_range(&data).await;
    let backup = fs::read(data.join("log.sqlite")).expect("read");
    for args in [
        &["archive", "--older-than", "0d"][..],
        &["keys", "create", "--role", "auditor", "--label", "x"],
        &["snapshot"],
    ] {
        done(&ends(tool(&data, args)));
        let journal = fs::metadata(data.join("log.sqlite-wal")).map_or(0, |file| file.len());
        assert_eq!(journal, 0, "{args:?}");
    }
    fs::write(data.join("log.sqlite"), backup).expect("restored");
    done(&ends(tool(&data, &["check"])));
}

#[tokio::test]
async fn nothing_is_archived_into_a_folder_that_the_server_does_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let elsewhere = folder.path().join("elsewhere");
    let args = ["--archive-dir", elsewhere.to_str().expect("UTF-8")];
    let ledger = Ledger::start_with(&data, &args, &[]);
    redeem_much(&ledger, &data).await;
    let refused = ends(tool(&data, &["archive", "--older-than", "0d"]));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success(), "{refused:?}");
    for part in ["couldn't read what is moved here", args[1], "--archive-dir"] {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
    ledger.client.redeems("ann", "x-1", "mug").await.is(200);
    done(&ends(tool(&data, &[&["archive", "--older-than", "0d"], &args[..]].concat())));
    for number in 0..25 {
        ledger.client.redeems("ann", &format!("x-{number}"), "mug").await.is(200);
    }
    assert_eq!(ledger.stop(), Some(0));
}

/// As root, who may do so, on a ledger of somebody else.
#[tokio::test]
async fn what_root_archives_belongs_to_the_logs_owner() {
    const NOBODY: u32 = 65_534;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    ledger_with_a_range(&data).await;
    if fs::metadata(&data).expect("it is there").uid() != 0 {
        println!("not run: only root can give files away");
        return;
    }
    own(&data, NOBODY);
    done(&ends(tool(&data, &["archive", "--older-than", "0d"])));
    done(&ends(tool(&data, &["snapshot"])));
    let mut seen = 0;
    for part in ["archive", "snapshots"] {
        let files =
            fs::read_dir(data.join(part)).expect("listed").flatten().map(|file| file.path());
        for path in files.chain([data.join(part)]) {
            let owner = fs::metadata(&path).expect("it is there").uid();
            assert_eq!(owner, NOBODY, "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 7, "{seen} files and folders are too few");
}

fn own(path: &Path, user: u32) {
    chown(path, Some(user), Some(user)).expect("given away");
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("listed").flatten() {
            own(&entry.path(), user);
        }
    }
}

/// A stopped ledger whose log has a whole range.
async fn ledger_with_a_range(data: &Path) {
    let ledger = Ledger::start(data);
    redeem_much(&ledger, data).await;
    assert_eq!(ledger.stop(), Some(0));
}

async fn redeem_much(ledger: &Ledger, data: &Path) {
    let log = rusqlite::Connection::open(data.join("log.sqlite")).expect("it opens");
    log.busy_timeout(crate::ledger::PATIENCE).expect("set");
    log.execute("update log set range_positions = 50", ()).expect("updated");
    ledger.client.opens("mug", 3, None, None).await;
    ledger.client.earns("ann", 900, "B-1").await;
    for number in 0..25 {
        ledger.client.redeems("ann", &format!("x-{number}"), "mug").await.is(201);
    }
}

fn tool(data: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(args).arg("--data-dir").arg(data).env("RUST_LOG", "warn");
    command
}

#[track_caller]
fn done(output: &Output) {
    assert!(output.status.success(), "{output:?}");
}

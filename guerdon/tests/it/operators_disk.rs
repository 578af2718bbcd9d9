//! What an operator's tools leave on the disk: nothing half written where it is full, and nothing
//! that the server can't read.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output};

use services::TestDatabase;

use crate::ledger::full_disk::full_disk_library;
use crate::ledger::tool::{guerdon, succeeds, tool};
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
    succeeds(guerdon(&data, &["archive", "--older-than", "0d"]));
    succeeds(guerdon(&data, &["snapshot"]));
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
        succeeds(guerdon(&data, args));
        let journal = fs::metadata(data.join("log.sqlite-wal")).map_or(0, |file| file.len());
        assert_eq!(journal, 0, "{args:?}");
    }
    fs::write(data.join("log.sqlite"), backup).expect("restored");
    succeeds(guerdon(&data, &["check"]));
}

#[tokio::test]
async fn nothing_is_archived_into_a_folder_that_the_server_does_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let elsewhere = folder.path().join("elsewhere");
    let args = ["--archive-dir", elsewhere.to_str().expect("UTF-8")];
    let ledger = Ledger::start_with(&data, &args, &[]);
    redeem_much(&ledger, &data).await;
    let refused = guerdon(&data, &["archive", "--older-than", "0d"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success(), "{refused:?}");
    for part in ["couldn't read what is moved here", args[1], "--archive-dir"] {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
    ledger.client.redeems("ann", "x-1", "mug").await.is(200);
    succeeds(guerdon(&data, &[&["archive", "--older-than", "0d"], &args[..]].concat()));
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
    succeeds(guerdon(&data, &["archive", "--older-than", "0d"]));
    succeeds(guerdon(&data, &["snapshot"]));
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

#[tokio::test]
async fn a_check_names_a_damaged_file_once_and_goes_on_past_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    ledger_with_a_range(&data).await;
    succeeds(guerdon(&data, &["archive", "--older-than", "0d"]));
    let files = fs::read_dir(data.join("archive")).expect("listed").flatten();
    let mut files = files.map(|file| file.path());
    let archived = files.find(|file| file.extension().is_some_and(|end| end == "gz"));
    let archived = archived.expect("a file");
    fs::write(&archived, "torn").expect("written");
    let log = rusqlite::Connection::open(data.join("log.sqlite")).expect("it opens");
    let damage = "update event set public = '{}' where position in (51, 52)";
    assert_eq!(log.execute(damage, ()).expect("updated"), 2);
    drop(log);
    let checked = guerdon(&data, &["check", "--archives"]);
    let said = String::from_utf8_lossy(&checked.stderr);
    let name = archived.file_name().and_then(|name| name.to_str()).expect("a name");
    assert_eq!(said.matches(name).count(), 1, "{said}");
    for part in ["0:51", "0:52", "3 things are wrong"] {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
}

/// A disk is mounted as root's, and the server's group may write to it.
#[tokio::test]
async fn a_user_who_may_write_to_a_folder_of_roots_serves_in_it_on_postgres() {
    const NOBODY: u32 = 65_534;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("made");
    if fs::metadata(&data).expect("it is there").uid() != 0 {
        println!("not run: only root can become somebody else");
        return;
    }
    let database = TestDatabase::create().expect("a database");
    let store = ["--store", &database.url()].map(str::to_owned);
    succeeds(guerdon(&data, &["migrate", &store[0], &store[1]]));
    let ledger = Ledger::start_on(&database.url(), &data, &["--role", "command-api"]);
    ledger.client.earns("ann", 1, "B-1").await;
    assert_eq!(ledger.stop(), Some(0));
    // Where nobody may go that isn't root, nobody runs the program, either.
    let program = folder.path().join("guerdon");
    fs::copy(env!("CARGO_BIN_EXE_guerdon"), &program).expect("copied");
    let mount = folder.path().join("mount");
    fs::create_dir(&mount).expect("made");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("set");
    chown(&mount, Some(0), Some(NOBODY)).expect("given");
    fs::set_permissions(&mount, Permissions::from_mode(0o2775)).expect("set");
    let take = || {
        let mut command = Command::new(&program);
        command.arg("snapshot").args(&store).arg("--data-dir").arg(&mount);
        ends_as(command, NOBODY)
    };
    succeeds(take());
    // What is root's there was made by a server that is root.
    let snapshots = mount.join("snapshots");
    own(&snapshots, 0);
    chown(&snapshots, Some(0), Some(NOBODY)).expect("given");
    fs::set_permissions(&snapshots, Permissions::from_mode(0o2775)).expect("set");
    let refused = take();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("belong to the user 0"), "{refused:?}");
}

fn ends_as(mut command: Command, user: u32) -> Output {
    command.uid(user).gid(user);
    ends(command)
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

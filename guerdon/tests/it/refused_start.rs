//! A start that is refused leaves everything as it was: another ledger's keys, its read model, and
//! the place where a log was to go.

use std::fs;
use std::path::Path;
use std::process::Command;

use services::TestDatabase;

use crate::ledger::{Ledger, ends, serve};

#[tokio::test]
async fn a_new_log_in_the_folder_of_another_is_refused_and_nothing_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.earns("ann", 500, "B-1").await;
    assert_eq!(ledger.stop(), Some(0));
    let keys = fs::read(folder.path().join("api-keys.json")).expect("keys");
    let before = listed(folder.path());

    let database = TestDatabase::create().expect("a database");
    migrated(&database.url(), folder.path());
    let typo = format!("sqlite:{}", folder.path().join("typo.sqlite").display());
    for store in [typo.as_str(), database.url().as_str(), "memory:"] {
        for role in ["all", "command-api"] {
            let said = refused(folder.path(), &["--store", store, "--role", role]);
            for part in ["there is no log at", "api-keys.json", "--store", "--data-dir"] {
                assert!(said.contains(part), "{part:?} is not in: {said}");
            }
            assert_eq!(fs::read(folder.path().join("api-keys.json")).expect("keys"), keys);
            assert_eq!(listed(folder.path()), before, "{store}");
        }
    }
    let logs = database.sql("select count(*) from guerdon_log.log").expect("counted");
    assert_eq!(logs, "0", "no log was opened");
    assert_eq!(Ledger::start(folder.path()).stop(), Some(0));
}

#[tokio::test]
async fn a_new_log_for_the_read_model_of_another_is_refused_and_nothing_is_made() {
    let (old, new) = (ledger_of("ann").await, tempfile::tempdir().expect("a folder"));
    let read_model = format!("sqlite:{}", old.path().join("read-model.sqlite").display());
    let said = refused(new.path(), &["--read-model", &read_model]);
    assert!(said.contains("was made of log"), "{said}");
    assert_eq!(listed(new.path()), Vec::<String>::new());
    assert_eq!(Ledger::start(old.path()).stop(), Some(0));
}

#[tokio::test]
async fn no_role_reads_the_read_model_of_another_log() {
    let (one, other) = (ledger_of("ann").await, ledger_of("bob").await);
    let read_model = format!("sqlite:{}", other.path().join("read-model.sqlite").display());
    for role in ["query-api", "command-api,query-api", "projector", "all"] {
        let said = refused(one.path(), &["--role", role, "--read-model", &read_model]);
        assert!(said.contains("was made of log") && said.contains("this is log"), "{said}");
    }
}

#[tokio::test]
async fn keys_whose_making_was_cut_short_are_finished_at_the_next_start() {
    let folder = ledger_of("ann").await;
    let keys = folder.path().join("api-keys.json");
    // As a process leaves them that dies before the file gets its name.
    fs::rename(&keys, folder.path().join("api-keys.json.new")).expect("moved");
    assert_eq!(Ledger::start(folder.path()).stop(), Some(0));
    assert!(keys.exists());
}

/// The folder of a ledger that gave an account credit, and was stopped.
async fn ledger_of(account: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let position = ledger.client.earns(account, 500, "B-1").await;
    let path = format!("/v1/accounts/{account}");
    ledger.client.get_after(&position, "auditor", &path).await.is(200);
    assert_eq!(ledger.stop(), Some(0));
    folder
}

#[track_caller]
fn refused(folder: &Path, args: &[&str]) -> String {
    let mut command = serve(folder);
    command.args(args);
    let output = ends(command);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{args:?} started: {said}");
    said
}

fn migrated(store: &str, folder: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(["migrate", "--store", store, "--data-dir"]).arg(folder);
    let output = ends(command);
    assert!(output.status.success(), "{output:?}");
}

fn listed(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).expect("listed");
    let name = |file: std::io::Result<fs::DirEntry>| file.expect("listed").file_name();
    let mut names: Vec<String> =
        files.map(|file| name(file).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

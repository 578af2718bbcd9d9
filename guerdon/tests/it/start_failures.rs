//! What keeps a ledger from starting or going on: one clear sentence each, an exit code that isn't
//! zero, and nothing lost.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ledger::full_disk::Disk;
use crate::ledger::{Ledger, ends, serve};

#[test]
fn a_port_in_use_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it has one").to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(["serve", "--listen", &address, "--data-dir"]).arg(folder.path());
    fails(command, &["can't listen on", &address, "another program listens there", "--listen"]);
}

#[test]
fn a_data_folder_that_cannot_be_written_to_is_named() {
    // Nobody can make a folder there, not even root.
    fails(serve(Path::new("/proc/guerdon")), &["can't make the folder /proc/guerdon"]);
}

/// Parts that began before it are stopped: none of them goes down with a panic.
#[test]
fn a_publishers_state_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    for _ in 0..3 {
        let mut command = serve(folder.path());
        command.args(["--kafka", "127.0.0.1:1", "--publisher-state", "sqlite:/proc/guerdon/state"]);
        fails(command, &["publisher's state", "/proc/guerdon/state"]);
    }
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let _first = Ledger::start(folder.path());
    fails(serve(folder.path()), &["log.sqlite", "another process", "one writer"]);
}

#[test]
fn another_clock_than_the_log_was_opened_with_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with(folder.path(), &["--clock", "commands"], &[]);
    assert_eq!(ledger.stop(), Some(0));
    let mut command = serve(folder.path());
    command.args(["--clock", "wall"]);
    fails(command, &["opened with --clock commands", "--clock says wall"]);
    assert_eq!(Ledger::start(folder.path()).stop(), Some(0), "as it was opened");
}

#[test]
fn an_operator_confirms_the_clock() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let confirm = |time: &str, url: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
        command.args(["confirm-clock", time, "--url", url, "--api-keys"]);
        command.arg(folder.path().join("api-keys.json"));
        ends(command)
    };
    #[expect(clippy::disallowed_methods, reason = "an operator's watch")]
    let watch = domain::Timestamp::from_system(std::time::SystemTime::now()).expect("a time");
    let confirmed = confirm(&watch.to_string(), &ledger.client.url);
    assert!(confirmed.status.success(), "{confirmed:?}");
    assert!(String::from_utf8_lossy(&confirmed.stdout).starts_with("confirmed that it is 2"));
    let other = confirm("2017-01-01T00:00:00Z", &ledger.client.url);
    assert!(!other.status.success());
    assert!(
        String::from_utf8_lossy(&other.stderr).contains("the ledger's clock, which reads"),
        "{other:?}"
    );
    let nobody = confirm(&watch.to_string(), "http://127.0.0.1:9");
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("doesn't answer"), "{nobody:?}");
}

#[tokio::test]
async fn a_missing_or_damaged_key_file_is_named_and_can_be_done_without() {
    let (folder, keys) = stopped_ledger().await;
    let good = fs::read_to_string(&keys).expect("it is there");
    fs::write(&keys, "{\"shopper\":").expect("written");
    fails(serve(folder.path()), &["api-keys.json", "damaged", "guerdon keys replace-all"]);
    fs::write(&keys, good.replace("gk_auditor_", "gk_auditor_0")).expect("written");
    fails(serve(folder.path()), &["auditor key", "is not one of this log's"]);
    fs::remove_file(&keys).expect("removed");
    fails(serve(folder.path()), &["api-keys.json", "missing", "--api-keys-elsewhere"]);

    let mut new_keys = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    new_keys.args(["keys", "replace-all", "--data-dir"]).arg(folder.path());
    assert!(ends(new_keys).status.success());
    has_its_redemption(folder.path()).await;
}

#[test]
fn new_keys_for_a_log_that_is_not_there_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let nowhere = folder.path().join("nowhere");
    let mut new_keys = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    new_keys.args(["keys", "replace-all", "--data-dir"]).arg(&nowhere);
    fails(new_keys, &["there is no log at", "--data-dir"]);
    assert!(!nowhere.exists());
}

#[test]
fn every_server_that_cannot_be_reached_is_named_once_with_its_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = serve(folder.path());
    command.args(["--store", "postgres://ann@127.0.0.1:1,127.0.0.1:2/points"]);
    let output = ends(command);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.matches("refused").count(), 2, "{said}");
    for server in ["127.0.0.1:1: Connection refused", "127.0.0.1:2: Connection refused"] {
        assert!(said.contains(server), "{said}");
    }
}

#[tokio::test]
async fn a_read_model_of_another_log_is_named() {
    let (folder, _) = stopped_ledger().await;
    let (other, _) = stopped_ledger().await;
    let read_model = folder.path().join("read-model.sqlite");
    fs::copy(other.path().join("read-model.sqlite"), &read_model).expect("copied");
    fails(serve(folder.path()), &["read-model.sqlite", "was made of log", "this is log"]);
    fs::remove_file(&read_model).expect("removed");
    let asks = ["read-model.sqlite", "guerdon fork-log", "--this-is-the-history"];
    fails(serve(folder.path()), &asks);
    let ledger = Ledger::start_with(folder.path(), &["--this-is-the-history"], &[]);
    assert_eq!(ledger.stop(), Some(0));
    has_its_redemption(folder.path()).await;
}

#[tokio::test]
async fn a_log_shorter_than_its_read_model_is_a_fork() {
    let (folder, _) = stopped_ledger().await;
    let log = folder.path().join("log.sqlite");
    let backup = folder.path().join("backup.sqlite");
    fs::copy(&log, &backup).expect("copied");
    let ledger = Ledger::start(folder.path());
    let position = ledger.client.earns("ann", 1, "B-9").await;
    ledger.client.get_after(&position, "auditor", "/v1/accounts/ann").await.is(200);
    assert_eq!(ledger.stop(), Some(0));
    fs::copy(&backup, &log).expect("an old backup was restored");
    let advice = ["log-forked", "restore the right log", "guerdon fork-log", "guerdon rebuild"];
    fails(serve(folder.path()), &advice);
    assert!(ends(fork_log(folder.path())).status.success());
    let again = ends(fork_log(folder.path()));
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success(), "{again:?}");
    assert!(said.contains("declared already") && said.contains("guerdon rebuild"), "{said}");
    assert!(!said.contains("generation 3"), "a fork is declared once: {said}");
}

#[tokio::test]
async fn a_fork_of_a_log_that_lacks_nothing_is_refused() {
    let (folder, _) = stopped_ledger().await;
    fails(fork_log(folder.path()), &["there is nothing to declare", "--without-evidence"]);
    has_its_redemption(folder.path()).await;
    let mut forced = fork_log(folder.path());
    forced.arg("--without-evidence");
    let forced = ends(forced);
    let said = String::from_utf8_lossy(&forced.stdout);
    assert!(said.contains("goes on in generation "), "{forced:?}");
}

fn fork_log(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(["fork-log", "--reason", "an old backup was restored", "--data-dir"]).arg(folder);
    command
}

#[tokio::test]
async fn a_log_that_was_damaged_is_named() {
    let (folder, _) = stopped_ledger().await;
    let log = folder.path().join("log.sqlite");
    let bytes = fs::read(&log).expect("read");
    fs::write(&log, &bytes[..bytes.len() / 2]).expect("cut");
    fails(serve(folder.path()), &["log.sqlite", "damaged"]);
    fs::write(&log, "this was a log once, and long enough to look like one ".repeat(50))
        .expect("written");
    fails(serve(folder.path()), &["log.sqlite", "damaged", "backup"]);
    fs::remove_file(&log).expect("removed");
    fails(serve(folder.path()), &["log.sqlite", "it is gone"]);
    fs::write(&log, bytes).expect("restored");
    has_its_redemption(folder.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_nothing_is_answered_that_is_not_kept_and_it_heals() {
    let folder = tempfile::tempdir().expect("a folder");
    let (disk, data) = (Disk::with_room(folder.path()), folder.path().join("data"));
    let args = ["--command-deadline-ms", "500"];
    let ledger = Ledger::start_with(&data, &args, &disk.variables());
    ledger.client.opens("mug", 300, None, None).await;
    ledger.client.earns("ann", 900, "B-1").await;
    let first = ledger.client.redeems("ann", "x-1", "mug").await;
    let first = first.position.expect("a position");
    ledger.client.get_after(&first, "auditor", "/v1/accounts/ann").await.is(200);

    disk.fill();
    ledger.client.redeems("ann", "x-2", "mug").await.is_problem(503, "outcome-unknown");
    let ready = ledger.client.get("auditor", "/health/ready").await;
    assert_eq!(ready.is(503)["writer"]["status"], "recovering");
    ledger.client.get("auditor", "/v1/accounts/ann").await.is(200);

    disk.make_room();
    let answer = loop {
        let answer = ledger.client.redeems("ann", "x-2", "mug").await;
        if answer.status != 503 {
            break answer;
        }
    };
    assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    let position = answer.position.expect("a position");
    let balance = ledger.client.get_after(&position, "auditor", "/v1/accounts/ann").await.is(200);
    assert_eq!(balance["available"], 300, "two redemptions, and not three");
    assert_eq!(ledger.stop(), Some(0));

    disk.fill();
    let mut command = serve(&data);
    command.envs(disk.variables());
    fails(command, &["log"]);
}

/// A ledger that took one redemption and was stopped, and its file of keys.
async fn stopped_ledger() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.opens("mug", 300, None, None).await;
    ledger.client.earns("ann", 500, "B-1").await;
    let position = ledger.client.redeems("ann", "x-1", "mug").await.position.expect("a position");
    ledger.client.get_after(&position, "auditor", "/v1/accounts/ann").await.is(200);
    assert_eq!(ledger.stop(), Some(0));
    let keys = folder.path().join("api-keys.json");
    (folder, keys)
}

async fn has_its_redemption(folder: &Path) {
    let ledger = Ledger::start(folder);
    let again = ledger.client.redeems("ann", "x-1", "mug").await;
    assert_eq!(again.is(200)["position"], "0:5", "nothing was lost");
}

#[test]
fn a_password_is_not_shown_whatever_is_wrong_with_its_url() {
    let url = "postgres://ann:s3cret@127.0.0.1:1/points";
    let variables = [
        ("GUERDON_STORE", url.to_owned()),
        ("GUERDON_READ_MODEL", url.to_owned()),
        ("GUERDON_READ_MODEL_REPLICA", url.to_owned()),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let said = |args: &[&str], variables: &[(&str, String)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
        command.args(args).current_dir(folder.path());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let output = ends(command);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(!said.is_empty() && !said.contains("s3c"), "{args:?} {variables:?}: {said}");
        said
    };
    assert!(said(&["--help"], &variables).contains("GUERDON_STORE"));
    for tool in
        ["serve", "migrate", "archive", "check", "fork-log", "rebuild", "snapshot", "copy-log"]
    {
        said(&[tool, "--help"], &variables);
        said(&[tool, url], &variables);
    }
    said(&[url], &[]);
    let copying = [("GUERDON_COPY_FROM", url.to_owned()), ("GUERDON_COPY_TO", url.to_owned())];
    said(&["copy-log", "--help"], &copying);
    said(&["copy-log"], &copying);
    for wrong in [
        "postgres://ann:s3cret@one:port/points",
        "postgres://ann:s3cret@one/points?sslmode=require",
        "postgres://one/points?user=ann&password=s3cret&sslmode=require",
        "postgres//ann:s3cret@one/points",
        "postgres://ann:s3c?ret@127.0.0.1:1/points",
        "postgres://ann:s3c/ret@127.0.0.1:1/points",
        "postgres://127.0.0.1:1/points?user=ann&password=s3cret",
    ] {
        for (name, _) in &variables {
            said(&[], &[(*name, wrong.to_owned())]);
        }
        said(&["copy-log", wrong, "memory:"], &[]);
        said(&["copy-log", "memory:", wrong], &[]);
    }
}

#[track_caller]
fn fails(command: Command, texts: &[&str]) {
    let output = ends(command);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it started: {error}");
    let said: Vec<&str> = error.lines().filter(|line| line.starts_with("guerdon: ")).collect();
    assert_eq!(said.len(), 1, "one sentence: {error}");
    assert!(!error.contains("panicked"), "{error}");
    for text in texts {
        assert!(said[0].contains(text), "{text:?} is not in: {error}");
    }
}

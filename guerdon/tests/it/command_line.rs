//! The tools on the command line: what they print for people and for programs, how they end, and
//! what shells and readers of manuals get.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::ledger::{Ledger, ends, tool_of};

fn guerdon(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(args).current_dir(folder).env("RUST_LOG", "warn");
    ends(command)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The lines of JSON that a tool prints.
fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// A folder with the stopped ledger of somebody who has earned points.
async fn stopped_ledger() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(&folder.path().join("guerdon-data"));
    let position = ledger.client.earns("ann", 500, "B-1").await;
    ledger.client.get_after(&position, "auditor", "/v1/accounts/ann").await.is(200);
    assert_eq!(ledger.stop(), Some(0));
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tool_on_a_log_prints_json_for_programs() {
    let folder = stopped_ledger().await;
    let json = |args: &[&str]| {
        let printed = guerdon(folder.path(), &[args, &["--output", "json"]].concat());
        lines(&printed)
    };
    let keys = json(&["keys", "list"]);
    assert_eq!(keys.len(), 5);
    assert!(keys.iter().all(|key| key["status"] == "valid" && key["created_at"].is_string()));
    let made = json(&["keys", "create", "--role", "merchant", "--label", "Till 3"]).remove(0);
    let id = made["key_id"].as_str().expect("an id").to_owned();
    assert!(made["key"].as_str().is_some_and(|key| key.starts_with("gk_merchant_")), "{made}");
    let next = json(&["keys", "rotate", &id, "--grace", "0s"]).remove(0);
    let next = next["key_id"].as_str().expect("an id");
    assert_eq!(json(&["keys", "revoke", next]), [json!({"key_id": next, "is_news": true})]);
    assert_eq!(json(&["keys", "revoke", next])[0]["is_news"], false);

    let taken = json(&["snapshot"]).remove(0);
    assert!(taken["up_to"].is_string() && taken["bytes"].is_u64(), "{taken}");
    assert_eq!(json(&["snapshot"])[0].get("file"), None, "it is up to date");
    let trees = json(&["balances"]).remove(0);
    assert!(trees["up_to"].as_u64().is_some_and(|up_to| up_to >= 2), "{trees}");
    assert_eq!(trees["units"][0]["available"], "500", "sums are texts");
    let rebuilt = json(&["rebuild"]).remove(0);
    assert_eq!(rebuilt["read_model"], "./guerdon-data/read-model.sqlite");
    assert!(rebuilt["events"].as_u64().is_some_and(|events| events > 1), "{rebuilt}");
    let checked = json(&["check", "--sums"]).remove(0);
    assert_eq!((&checked["wrong"], &checked["sums"]["differ"]), (&json!([]), &json!(0)));
    let archived = json(&["archive", "--older-than", "0d"]).remove(0);
    assert_eq!((&archived["ranges"], &archived["files"]), (&json!(0), &json!([])));
    assert_eq!(json(&["migrate"]).len(), 3);
    let copied = json(&["copy-log", "sqlite:guerdon-data/log.sqlite", "sqlite:copy.sqlite"]);
    assert_eq!(copied[0]["log_id"], checked["log_id"]);
    let fork = ["fork-log", "--reason", "a drill", "--without-evidence"];
    let forked = json(&fork).remove(0);
    assert_eq!(
        (&forked["forks"][0]["partition"], &forked["next"]),
        (&json!(0), &json!("guerdon rebuild"))
    );
    assert_eq!(json(&fork)[0]["forks"], json!([]), "it is declared once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_for_people_and_say_what_is_about_to_be_done_unless_quiet() {
    let folder = stopped_ledger().await;
    let made = guerdon(folder.path(), &["keys", "create", "--role", "auditor", "--label", "a b"]);
    assert!(text(&made.stdout).starts_with("gk_auditor_"), "{made:?}");
    let list = text(&guerdon(folder.path(), &["keys", "list"]).stdout);
    let header = list.lines().next().expect("a header");
    for column in ["id", "role", "status", "label", "last used"] {
        assert!(header.contains(column), "{header}");
    }
    assert!(list.lines().count() == 7 && list.contains("a b"), "{list}");
    for args in [
        &["snapshot"][..],
        &["balances"],
        &["rebuild"],
        &["check"],
        &["migrate"],
        &["archive", "--older-than", "0d"],
        &["copy-log", "sqlite:guerdon-data/log.sqlite", "sqlite:copy.sqlite"],
        &["fork-log", "--reason", "a drill", "--without-evidence"],
        &["keys", "revoke", "k-aaaaaaaa"],
    ] {
        let said = text(&guerdon(folder.path(), args).stderr);
        let first = said.lines().next().unwrap_or_default();
        assert!(first.contains("ing ") && !first.starts_with("guerdon: "), "{args:?}: {said}");
        let quiet = text(&guerdon(folder.path(), &[args, &["--quiet"]].concat()).stderr);
        assert!(quiet.is_empty() || quiet.starts_with("guerdon: "), "{args:?}: {quiet}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_at_a_terminal_sees_a_bar_and_a_log_no_escape_codes() {
    let folder = stopped_ledger().await;
    let plain = guerdon(folder.path(), &["check"]);
    assert!(plain.status.success() && !plain.stderr.contains(&0x1b), "{plain:?}");
    // The program gives a command a terminal of its own.
    let mut command = Command::new("script");
    let line = format!("'{}' check", env!("CARGO_BIN_EXE_guerdon"));
    command.args(["-qec", &line, "/dev/null"]).current_dir(folder.path()).env("TERM", "xterm");
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("skipped: the bar on a terminal, because the program `script` isn't here");
        return;
    }
    let seen = text(&ends(command).stdout);
    assert!(seen.contains("events in the log itself"), "{seen}");
    assert!(seen.contains(" of ") && seen.contains('\u{1b}'), "no bar: {seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operators_lists_are_tables_or_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with(folder.path(), &["--overdue-after", "1s"], &[]);
    let api = &ledger.client;
    api.opens("mug", 300, None, None).await;
    api.earns("ann", 500, "B-1").await;
    api.redeems("ann", "x-1", "mug").await.is(201);
    let tool = |args: &[&str]| {
        let done = ends(tool_of(&ledger, args));
        assert!(done.status.success(), "{args:?}: {done:?}");
        text(&done.stdout)
    };
    let json = loop {
        let listed = tool(&["shipping", "overdue", "--output", "json"]);
        if !listed.is_empty() {
            break serde_json::from_str::<Value>(&listed).expect("one line of JSON");
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    let id = json["shipping_request_id"].as_str().expect("an id");
    let table = tool(&["shipping", "overdue"]);
    let mut rows = table.lines();
    assert!(rows.next().is_some_and(|row| row.starts_with("shipping_request_id")), "{table}");
    assert!(rows.next().is_some_and(|row| row.starts_with(id) && row.contains("x-1")), "{table}");
    let settled = tool(&["shipping", "settle", id, "--reason", "handed over"]);
    assert!(settled.starts_with("field"), "{settled}");
    assert_eq!(ledger.stop(), Some(0));
}

#[test]
fn a_script_learns_from_the_exit_code_how_a_command_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = folder.path().join("keys.json");
    std::fs::write(&keys, r#"{"operator": "gk_operator_x"}"#).expect("written");
    let code = |args: &[&str]| {
        let ended = guerdon(folder.path(), args);
        (ended.status.code(), text(&ended.stderr))
    };
    assert_eq!(code(&["--version"]).0, Some(0));
    assert_eq!(code(&["check"]).0, Some(1), "there is no log");
    assert_eq!(code(&["check", "--unknown"]).0, Some(2));
    // A port that nobody listens on.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", free.local_addr().expect("it has one"));
    drop(free);
    let nobody = ["--url", &url, "--api-keys", "keys.json"];
    for args in [
        &["shipping", "overdue"][..],
        &["confirm-clock", "2026-11-29T00:00:00Z"],
        &["publish", "--from", "0:1", "--to-topic", "again"],
    ] {
        let (code, said) = code(&[args, &nobody].concat());
        assert_eq!(code, Some(4), "{args:?}: {said}");
        assert!(said.contains(&format!("the ledger at {url}/")), "{said}");
    }
}

#[test]
fn shells_complete_and_manuals_tell_each_tool() {
    let folder = tempfile::tempdir().expect("a folder");
    for shell in ["bash", "zsh", "fish"] {
        let script = guerdon(folder.path(), &["completions", shell]);
        let text = text(&script.stdout);
        assert!(script.status.success() && text.contains("copy-log"), "{shell}: {script:?}");
        assert!(text.contains("operators-listen") && text.contains("output"), "{shell}");
        let file = folder.path().join(shell);
        std::fs::write(&file, &text).expect("written");
        // A machine without the shell has nobody who completes in it.
        if let Ok(read) = Command::new(shell).arg("-n").arg(&file).output() {
            assert!(read.status.success(), "{shell}: {read:?}");
        }
    }
    let page = text(&guerdon(folder.path(), &["man"]).stdout);
    assert!(page.contains(".TH guerdon 1") && page.contains("Exit codes"), "{page}");
    let into = guerdon(folder.path(), &["man", "--into", "man/man1"]);
    assert!(into.status.success(), "{into:?}");
    for tool in ["", "-serve", "-keys", "-keys-rotate", "-copy-log", "-config-show", "-man"] {
        let page = folder.path().join(format!("man/man1/guerdon{tool}.1"));
        assert!(std::fs::read_to_string(&page).is_ok_and(|page| page.len() > 300), "{page:?}");
    }
}

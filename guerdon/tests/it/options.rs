//! Options that can't be meant are refused by their name, and what is made is its owner's alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use services::TestDatabase;

use crate::ledger::{Ledger, ends, said};

#[test]
fn a_number_that_cannot_be_meant_is_refused_by_the_name_of_its_option() {
    for (args, reason) in [
        (&["serve", "--partitions", "-1"][..], "-1"),
        (&["serve", "--snapshot-every", "-1"], "not a whole number of events"),
        (&["serve", "--snapshot-every", "1.5"], "not a whole number of events"),
        (&["serve", "--command-deadline-ms", "0"], "from 1 to 60000"),
        (&["serve", "--read-wait-ms", "18446744073709551615"], "from 0 to 60000"),
        (&["serve", "--listen", "8080"], "127.0.0.1:8080"),
        (&["serve", "--listen", "localhost:8081"], "127.0.0.1:8080"),
        (&["archive", "--older-than", "-5d"], "from 0d to 36525d"),
        (&["archive", "--older-than", "99999999999999d"], "from 0d to 36525d"),
        (&["migrate", "--range-positions", "500"], "500 is not in"),
    ] {
        let said = refused(args);
        assert!(said.contains(args[1]) && said.contains(reason), "{args:?}: {said}");
    }
}

#[test]
fn an_option_before_the_name_of_a_tool_is_told_its_place() {
    let said = refused(&["--data-dir", "somewhere", "snapshot"]);
    assert!(said.contains("guerdon snapshot --data-dir"), "{said}");
}

#[test]
fn how_large_ranges_are_is_chosen_before_the_log_is_opened() {
    let database = TestDatabase::create().expect("a database");
    let folder = tempfile::tempdir().expect("a folder");
    let choose = |positions: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
        command.args(["migrate", "--store", &database.url(), "--range-positions", positions]);
        ends(command)
    };
    for positions in ["3000000", "2000000"] {
        assert!(choose(positions).status.success());
    }
    let ledger = Ledger::start_on(&database.url(), folder.path(), &[]);
    let chosen = database.sql("select range_positions from guerdon_log.log").expect("asked");
    assert_eq!(chosen, "2000000");
    assert!(choose("2000000").status.success(), "it is so already");
    let refused = choose("3000000");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("ranges of 2000000"), "{said}");
    assert_eq!(ledger.stop(), Some(0));
    let said = self::refused(&["migrate", "--range-positions", "2000000"]);
    assert!(said.contains("for a log in PostgreSQL"), "{said}");
}

#[tokio::test]
async fn what_a_ledger_keeps_is_its_owners_alone() {
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().join("data");
    let ledger = Ledger::start(&folder);
    ledger.client.earns("ann", 500, "B-1").await;
    let mut files = vec![folder.clone()];
    files.extend(fs::read_dir(&folder).expect("listed").map(|file| file.expect("listed").path()));
    assert!(files.len() > 3, "{files:?}");
    for file in files {
        let mode = fs::metadata(&file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} is open to others: {mode:o}", file.display());
    }
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test]
async fn a_start_warns_of_a_file_that_others_can_read() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(Ledger::start(folder.path()).stop(), Some(0));
    assert!(!said(folder.path()).contains("others on this machine"));
    for (name, mode) in [("api-keys.json", 0o644), ("log.sqlite", 0o640)] {
        let file = folder.path().join(name);
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("set");
    }
    assert_eq!(Ledger::start(folder.path()).stop(), Some(0));
    let said = said(folder.path());
    for (name, mode) in [("api-keys.json", "644"), ("log.sqlite", "640")] {
        let is_it = |line: &str| line.contains("others on this machine") && line.contains(name);
        assert!(said.lines().any(|line| is_it(line) && line.contains(mode)), "{name}: {said}");
    }
    assert!(!said.contains("read-model.sqlite"), "{said}");
}

/// Whoever can write to the folder must not choose where the keys go.
#[test]
fn keys_are_not_written_through_a_file_that_somebody_prepared() {
    let (folder, elsewhere) =
        (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("one"));
    let trap = elsewhere.path().join("trap");
    fs::write(&trap, "").expect("written");
    let prepared = folder.path().join("api-keys.json.new");
    std::os::unix::fs::symlink(&trap, &prepared).expect("linked");
    assert_eq!(Ledger::start(folder.path()).stop(), Some(0));
    assert_eq!(fs::read_to_string(&trap).expect("read"), "");
    let keys = folder.path().join("api-keys.json").symlink_metadata().expect("there");
    assert!(keys.is_file() && keys.permissions().mode() & 0o077 == 0, "{keys:?}");
}

#[test]
fn options_of_kafka_that_would_lose_messages_are_refused() {
    for (option, value, sentence) in [
        (
            "--kafka-property",
            "partition.assignment.strategy=cooperative-sticky",
            "the property partition.assignment.strategy of Kafka is the ledger's own",
        ),
        ("--kafka-property", "enable.auto.commit=true", "enable.auto.commit of Kafka"),
        ("--reread-from", "2207-01-01T00:00:00Z", "which is in the future"),
        ("--kafka-topic", &"x".repeat(250), "a topic's name has 1 to 249"),
        ("--kafka-earnings", "..", "a topic's name has 1 to 249"),
    ] {
        let args = ["serve", "--listen", "127.0.0.1:0", "--kafka", "127.0.0.1:1", option, value];
        let said = refused(&args);
        assert!(said.contains(sentence), "{said}");
    }
}

fn refused(args: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(args).current_dir(folder.path());
    let output = ends(command);
    assert!(!output.status.success(), "{args:?}: {output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

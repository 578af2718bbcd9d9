//! Passwords stay out of what a program prints: its help, and its complaints about settings.

use std::process::{Command, Output};

use crate::ledger::ends;

/// What must never be printed.
const SECRET: &str = "hunter2";

const TOOLS: [&str; 20] = [
    "serve",
    "import",
    "adopt",
    "confirm-clock",
    "keys",
    "mark",
    "erase",
    "migrate",
    "copy-log",
    "archive",
    "check",
    "completions",
    "config",
    "man",
    "fork-log",
    "rebuild",
    "shipping",
    "publish",
    "snapshot",
    "balances",
];

/// Settings that can't be used, and hold a password somewhere.
const WRONG_URLS: [&str; 15] = [
    "hunter2",
    "postgress://ann:hunter2@db/points",
    "host=db password=hunter2",
    "host=db,password=hunter2",
    "ann:hunter2@db",
    "postgres://ann:hunter2",
    "postgres://ann:hunter2@",
    "postgres://ann:hunter2@db:port/points",
    "postgres://ann:x@hunter2@db/points",
    "postgres://ann:x@db/points?sslmode=hunter2",
    "postgres://ann:x@db/points?connect_timeout=hunter2",
    "mysql://ann:hunter2@db/points",
    "sqlite://ann:hunter2@db/points",
    "kurrentdb://ann:hunter2",
    "memory:hunter2\n",
];

const WRONG_PROPERTIES: [&str; 6] = [
    "hunter2",
    "sasl.password:hunter2",
    "sasl.password hunter2",
    "sasl.password:hunter2=",
    "=hunter2",
    "Password hunter2=1",
];

fn guerdon(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(args).envs(variables.iter().copied()).current_dir(folder.path());
    ends(command)
}

#[track_caller]
fn keeps_the_secret(output: &Output, what: &str) -> String {
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(!said.contains(SECRET) && !said.contains("unter"), "{what}: {said}");
    said
}

#[test]
fn no_help_shows_what_is_in_a_variable_for_a_url_or_a_property() {
    let url = "postgres://ann:hunter2@db/points";
    let variables = [
        ("GUERDON_STORE", url),
        ("GUERDON_READ_MODEL", url),
        ("GUERDON_READ_MODEL_REPLICA", url),
        ("GUERDON_PUBLISHER_STATE", url),
        ("GUERDON_COPY_FROM", url),
        ("GUERDON_COPY_TO", url),
        ("GUERDON_KAFKA_PROPERTY", "sasl.password=hunter2"),
        ("GUERDON_KAFKA", "ann:hunter2@broker:9092"),
        ("GUERDON_COMMAND_API", "http://ann:hunter2@ledger:8080"),
        ("GUERDON_KAFKA_GROUP", "hunter2"),
    ];
    for tool in TOOLS {
        for help in ["--help", "-h"] {
            let output = guerdon(&[tool, help], &variables);
            assert!(output.status.success(), "{tool}: {output:?}");
            keeps_the_secret(&output, tool);
        }
    }
    keeps_the_secret(&guerdon(&["--help"], &variables), "guerdon");
}

#[test]
fn a_setting_that_can_not_be_used_is_named_and_not_repeated() {
    let options = [
        ("--store", "GUERDON_STORE"),
        ("--read-model", "GUERDON_READ_MODEL"),
        ("--read-model-replica", "GUERDON_READ_MODEL_REPLICA"),
        ("--publisher-state", "GUERDON_PUBLISHER_STATE"),
    ];
    let urls = options.into_iter().flat_map(|option| WRONG_URLS.map(|wrong| (option, wrong)));
    let property = ("--kafka-property", "GUERDON_KAFKA_PROPERTY");
    let properties = WRONG_PROPERTIES.map(|wrong| (property, wrong));
    for ((option, variable), wrong) in urls.chain(properties) {
        let argument = format!("{option}={wrong}");
        for output in [guerdon(&["serve", &argument], &[]), guerdon(&[], &[(variable, wrong)])] {
            assert!(!output.status.success(), "{argument}: {output:?}");
            let said = keeps_the_secret(&output, &argument);
            assert!(said.contains(option), "{argument}: {said}");
        }
    }
    for wrong in WRONG_URLS {
        for args in [["copy-log", wrong, "memory:"], ["copy-log", "memory:", wrong]] {
            let output = guerdon(&args, &[]);
            assert!(!output.status.success(), "{args:?}: {output:?}");
            keeps_the_secret(&output, wrong);
        }
    }
}

#[test]
fn what_stands_in_the_wrong_place_is_not_repeated() {
    let url = "postgres://ann:hunter2@db/points";
    for args in [
        &[url][..],
        &["serve", url],
        &["serve", "--stor", url],
        &["serve", "--stor=postgres://ann:hunter2@db/points"],
        &["serve", "--kafka-property", "sasl.password", "=", "Hunter2hunter2"],
        &["serve", "--kafka-property", "sasl.password=", "hunter"],
        &["hunter"],
        &["shipping", "hunter"],
        &["serve", "--kafka", "ann:hunter2@broker:9092"],
        &["serve", "--command-api", "http://ann:hunter2@ledger:8080"],
        &["serve", "--listen", "ann:hunter2@0.0.0.0:80"],
        &["shipping", "--url", "http://ann:hunter2@ledger:8080", "overdue"],
        &["confirm-clock", "2026-01-01T00:00:00Z", "--url", "http://ann:hunter2@ledger:8080"],
        &["rebuild", "--read-model", "host=db password=hunter2"],
        &["migrate", "--store", "host=db password=hunter2"],
    ] {
        let output = guerdon(args, &[]);
        assert!(!output.status.success(), "{args:?}: {output:?}");
        keeps_the_secret(&output, &args.join(" "));
    }
    let misspelt = guerdon(&["serv"], &[]);
    assert!(String::from_utf8_lossy(&misspelt.stderr).contains("serv"), "a word is shown");
}

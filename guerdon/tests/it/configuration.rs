//! A ledger is configured by flags, variables and a file, in this order; what is wrong in the file
//! is named by its line, and no secret is shown.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ledger::{Ledger, PATIENCE, ends, said, serve};

const SECRET: &str = "hunter2";

fn guerdon(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(args).envs(variables.iter().copied()).current_dir(folder);
    ends(command)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn with_file(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("guerdon.toml"), text).expect("written");
    folder
}

/// What `guerdon config show` says of a setting: its value, and from where that is.
fn shown(output: &Output, setting: &str) -> (Value, String) {
    assert!(output.status.success(), "{output:?}");
    let lines = text(&output.stdout);
    let mut listed = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    let listed = listed.find(|listed| listed["setting"] == setting).expect(setting);
    (listed["value"].clone(), listed["from"].as_str().expect("a text").to_owned())
}

#[test]
fn flags_win_over_variables_over_the_file_over_the_defaults() {
    let folder = with_file(
        "listen = '127.0.0.1:1'\nsnapshot-every = 2\nread-wait-ms = 3\naccess-log = true\n\
         role = ['projector', 'query-api']\n",
    );
    let show = ["config", "show", "--output", "json", "--config", "guerdon.toml"];
    let flags = [&show[..], &["--read-wait-ms", "30", "--access-log=false"]].concat();
    let variables = [("GUERDON_READ_WAIT_MS", "20"), ("GUERDON_SNAPSHOT_EVERY", "10")];
    let output = guerdon(folder.path(), &flags, &variables);
    let is = |setting: &str, value: &str, from: &str| {
        assert_eq!(shown(&output, setting), (Value::from(value), from.to_owned()), "{setting}");
    };
    is("read-wait-ms", "30", "--read-wait-ms");
    is("access-log", "false", "--access-log");
    is("snapshot-every", "10", "GUERDON_SNAPSHOT_EVERY");
    is("listen", "127.0.0.1:1", "guerdon.toml, line 1");
    is("role", "projector, query-api", "guerdon.toml, line 5");
    is("command-deadline-ms", "5000", "default");
    is("store", "log.sqlite in the data folder", "default");

    // The file may also be named by its variable, and an empty variable is none.
    let variables = [("GUERDON_CONFIG", "guerdon.toml"), ("GUERDON_SNAPSHOT_EVERY", "")];
    let output = guerdon(folder.path(), &["config", "show", "--output", "json"], &variables);
    assert_eq!(shown(&output, "snapshot-every").0, "2");
    assert_eq!(shown(&output, "access-log").0, "true");
}

#[test]
fn a_ledger_and_its_tools_go_by_one_file() {
    let folder = with_file("");
    let data = folder.path().join("data");
    let file = folder.path().join("guerdon.toml");
    let settings = format!(
        "listen = '127.0.0.1:0'\ndata-dir = '{0}'\nstore = 'sqlite:{0}/other.sqlite'\n\
         access-log = true\nlog-format = 'json'\nheader-timeout = '20s'\n",
        data.display()
    );
    fs::write(&file, settings).expect("written");
    fs::create_dir(&data).expect("made");
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.arg("--config").arg(&file).env("RUST_LOG", "info");
    let ledger = Ledger::run(command, &data);
    assert_eq!(ledger.stop(), Some(0));
    assert!(data.join("other.sqlite").exists() && !data.join("log.sqlite").exists());
    assert!(said(&data).lines().all(|line| line.starts_with('{')), "{}", said(&data));
    let file = file.to_str().expect("UTF-8");
    for args in [&["keys", "list"][..], &["check"], &["snapshot"], &["rebuild"]] {
        let done = guerdon(folder.path(), &[args, &["--config", file]].concat(), &[]);
        assert!(done.status.success(), "{args:?}: {done:?}");
    }
}

#[test]
fn all_that_is_wrong_in_a_file_is_told_at_once_by_its_lines() {
    let folder = with_file(
        "lisen = '127.0.0.1:0'\nstore = 'postgress://ann:hunter2@db/points'\npartitions = -1\n",
    );
    for args in [
        &["--config", "guerdon.toml"][..],
        &["serve", "--config=guerdon.toml"],
        &["config", "check", "--config", "guerdon.toml"],
        &["keys", "--config", "guerdon.toml", "list"],
    ] {
        let refused = guerdon(folder.path(), args, &[]);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{args:?}: {said}");
        for line in [
            "guerdon.toml, line 1: lisen isn't a setting; did you mean listen?",
            "guerdon.toml, line 2: store has a value that can't be used",
            "guerdon.toml, line 3: partitions has a value that can't be used",
        ] {
            assert!(said.contains(line), "{args:?}: {said}");
        }
        assert!(!said.contains(SECRET), "{said}");
    }
    for (text_of, why) in [("listen = \n", "line 1: it is not TOML"), ("[a]\n", "line 1: a isn't")]
    {
        let folder = with_file(text_of);
        let refused = guerdon(folder.path(), &["--config", "guerdon.toml"], &[]);
        assert!(text(&refused.stderr).contains(why), "{refused:?}");
    }
    let missing = guerdon(folder.path(), &["--config", "none.toml"], &[]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("none.toml can't be read"), "{missing:?}");
    let help = guerdon(folder.path(), &["keys", "--help", "--config", "guerdon.toml"], &[]);
    assert!(help.status.success(), "help is given all the same: {help:?}");
}

#[test]
fn no_secret_is_shown_wherever_it_comes_from() {
    let url = "postgres://ann:hunter2@db:5432/points?sslmode=verify-full";
    let property = "sasl.password=hunter2";
    let folder = with_file(&format!("read-model = '{url}'\nkafka-property = ['{property}']\n"));
    fs::write(folder.path().join("secret"), format!("{url}\n")).expect("written");
    let show = ["config", "show", "--config", "guerdon.toml", "--publisher-state", url];
    let variables = [("GUERDON_READ_MODEL_REPLICA", url), ("GUERDON_STORE_FILE", "secret")];
    for form in ["table", "json"] {
        let output = guerdon(folder.path(), &[&show[..], &["--output", form]].concat(), &variables);
        let all = text(&output.stdout) + &text(&output.stderr);
        assert!(output.status.success() && !all.contains("hunter"), "{all}");
    }
    let output = guerdon(folder.path(), &[&show[..], &["--output", "json"]].concat(), &variables);
    let hidden = "postgres://(not shown)@db:5432/points?(not shown)";
    for (setting, from) in [
        ("read-model", "guerdon.toml, line 1"),
        ("read-model-replica", "GUERDON_READ_MODEL_REPLICA"),
        ("store", "GUERDON_STORE_FILE"),
        ("publisher-state", "--publisher-state"),
    ] {
        assert_eq!(shown(&output, setting), (Value::from(hidden), from.to_owned()), "{setting}");
    }
    assert_eq!(shown(&output, "kafka-property").0, "sasl.password=(not shown)");
    let check =
        guerdon(folder.path(), &["config", "check", "--config", "guerdon.toml"], &variables);
    assert!(check.status.success() && !text(&check.stdout).contains(SECRET), "{check:?}");
    let help = guerdon(folder.path(), &["serve", "--help"], &variables);
    assert!(help.status.success() && !text(&help.stdout).contains(SECRET), "{help:?}");
}

#[test]
fn a_secret_may_stand_in_a_file_of_its_own() {
    let folder = with_file("store-file = 'secret'\n");
    let secret = format!("sqlite:{}/elsewhere.sqlite\n", folder.path().display());
    fs::write(folder.path().join("secret"), secret).expect("written");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("made");
    for variables in
        [&[("GUERDON_STORE_FILE", "secret")][..], &[("GUERDON_CONFIG", "guerdon.toml")]]
    {
        let mut command = serve(&data);
        command.envs(variables.iter().copied()).current_dir(folder.path());
        assert_eq!(Ledger::run(command, &data).stop(), Some(0));
    }
    assert!(folder.path().join("elsewhere.sqlite").exists());
    assert!(!data.join("log.sqlite").exists());

    let both = [("GUERDON_STORE_FILE", "secret"), ("GUERDON_STORE", "memory:")];
    let refused = guerdon(folder.path(), &["serve"], &both);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("are both set; unset one"), "{refused:?}");
    let missing = guerdon(folder.path(), &["serve"], &[("GUERDON_STORE_FILE", "none")]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        text(&missing.stderr).contains("GUERDON_STORE_FILE: none can't be read"),
        "{missing:?}"
    );
}

/// The child that takes it is given the store by a variable, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_whose_store_stands_in_a_file_takes_snapshots() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = format!("sqlite:{}/elsewhere.sqlite", folder.path().display());
    fs::write(folder.path().join("secret"), secret).expect("written");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("made");
    let mut command = serve(&data);
    command.env("GUERDON_STORE_FILE", "secret").args(["--snapshot-every", "1"]);
    command.current_dir(folder.path());
    let ledger = Ledger::run(command, &data);
    ledger.client.earns("ann", 500, "B-1").await;
    let begun = Instant::now();
    while fs::read_dir(data.join("snapshots")).map_or(0, Iterator::count) == 0 {
        assert!(begun.elapsed() < PATIENCE, "no snapshot: {}", said(&data));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!said(&data).contains("no snapshot was taken"), "{}", said(&data));
    assert_eq!(ledger.stop(), Some(0));
}

#[test]
fn a_misspelt_variable_is_told_and_a_file_with_a_secret_that_others_can_read() {
    let folder = with_file("store = 'sqlite:log.sqlite'\n");
    let file = folder.path().join("guerdon.toml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("set");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("made");
    let mut command = serve(&data);
    command.env("GUERDON_CONFIG", &file).env("GUERDON_LISTN", "127.0.0.1:1");
    // As Kubernetes sets it for a service of this name.
    command.env("GUERDON_SERVICE_PORT", "80").current_dir(folder.path());
    assert_eq!(Ledger::run(command, &data).stop(), Some(0));
    let said = said(&data);
    assert!(said.contains("GUERDON_LISTN sets nothing; did you mean GUERDON_LISTEN?"), "{said}");
    assert!(!said.contains("SERVICE_PORT"), "{said}");
    let warned = |line: &str| line.contains("others on this machine") && line.contains(".toml");
    assert!(said.lines().any(warned), "{said}");

    let misspelt =
        guerdon(folder.path(), &["config", "check"], &[("GUERDON_LISTN", "127.0.0.1:1")]);
    assert_eq!(misspelt.status.code(), Some(3), "{misspelt:?}");
    let usable = guerdon(folder.path(), &["config", "check", "--snapshot-every", "5"], &[]);
    assert_eq!(usable.status.code(), Some(0), "{usable:?}");
    assert!(text(&usable.stdout).contains("1 settings are set"), "{usable:?}");
    let file = ["config", "check", "--config", "guerdon.toml", "--output", "json"];
    let usable = guerdon(folder.path(), &[&file[..], &["--snapshot-every", "5"]].concat(), &[]);
    let usable: Value = serde_json::from_slice(&usable.stdout).expect("JSON");
    assert_eq!((&usable["set"], &usable["set_by_file"]), (&2.into(), &1.into()), "{usable}");
    let refused = guerdon(folder.path(), &["config", "check", "--partitions", "0"], &[]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(text(&refused.stderr).contains("a ledger has 1 to 256 partitions"), "{refused:?}");
}

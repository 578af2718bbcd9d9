//! What a ledger prints may be read by nobody, or not be writable: it goes on. And what is set to
//! nothing is not set.

use std::fs::File;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ledger::{Ledger, PATIENCE, ends, serve};
use crate::raw::Raw;

/// A ledger that listens on a port that was free, and prints to `stdout` and `stderr`.
async fn start_with(stdout: Stdio, stderr: Stdio, folder: &std::path::Path) -> (Running, String) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("it has one").to_string();
    drop(free);
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(["serve", "--listen", &address, "--data-dir"]).arg(folder);
    // A line of the log for whatever happens.
    command.env("RUST_LOG", "debug").stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    let running = Running(command.spawn().expect("the binary starts"));
    let (url, begin) = (format!("http://{address}"), Instant::now());
    loop {
        if let Ok(mut client) = Raw::try_to(&url).await {
            client.says("GET /health/ready HTTP/1.1\r\nhost: ledger\r\n\r\n").await;
            if client.hears().await.starts_with("HTTP/1.1 200 ") {
                return (running, url);
            }
        }
        assert!(begin.elapsed() < PATIENCE, "it isn't ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Killed, should its test fail.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// It answers, and stops in order.
async fn goes_on(mut running: Running, url: &str) {
    for _ in 0..20 {
        let mut client = Raw::to(url).await;
        client.says("GET /health/live HTTP/1.1\r\nhost: ledger\r\n\r\n").await;
        assert!(client.hears().await.starts_with("HTTP/1.1 200 "));
    }
    let pid = running.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
    let ended = tokio::task::spawn_blocking(move || running.0.wait()).await;
    assert_eq!(ended.expect("waited").expect("it ends").code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_whose_output_nobody_reads_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let (running, url) = {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let again = writer.try_clone().expect("cloned");
        start_with(writer.into(), again.into(), folder.path()).await
    };
    goes_on(running, &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_whose_log_can_not_be_written_goes_on_and_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let full = || File::options().write(true).open("/dev/full").expect("there is one");
    let (running, url) = start_with(full().into(), full().into(), folder.path()).await;
    let keys = std::fs::read_to_string(folder.path().join("api-keys.json")).expect("keys");
    let keys: serde_json::Value = serde_json::from_str(&keys).expect("keys");
    let mut client = Raw::to(&url).await;
    let key = keys["auditor"].as_str().expect("a key");
    client
        .says(&format!(
            "GET /metrics HTTP/1.1\r\nhost: ledger\r\nauthorization: Bearer {key}\r\n\
             connection: close\r\n\r\n"
        ))
        .await;
    let metrics = client.until_closed().await.text;
    let lost = metrics.lines().find_map(|line| line.strip_prefix("guerdon_lost_lines_total "));
    let lost: u64 = lost.expect("it is counted").trim().parse().expect("a number");
    assert!(lost > 1, "{lost}");
    goes_on(running, &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_json_with_a_line_for_each_request_if_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = serve(folder.path());
    command.args(["--log-format", "json", "--access-log"]).env("RUST_LOG", "info");
    let ledger = Ledger::run(command, folder.path());
    ledger.client.earns("ann", 500, "B-1").await;
    ledger.client.get("shopper", "/v1/nothing?account_id=ann").await.is(404);
    let mut stranger = Raw::to(&ledger.client.url).await;
    stranger.says("GET /v1/totals HTTP/1.1\r\nhost: ledger\r\n\r\n").await;
    assert!(stranger.hears().await.starts_with("HTTP/1.1 401 "));
    assert_eq!(ledger.stop(), Some(0));

    let said = crate::ledger::said(folder.path());
    let lines: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for line in &lines {
        for field in ["timestamp", "level", "target", "message"] {
            assert!(line[field].is_string(), "{field} of {line}");
        }
    }
    let answered: Vec<&Value> = lines.iter().filter(|line| line["target"] == "access").collect();
    let line = |path: &str| {
        let found = answered.iter().find(|line| line["path"] == path);
        *found.unwrap_or_else(|| panic!("no line for {path} in {said}"))
    };
    let earning = line("/v1/accounts/ann/credits");
    assert_eq!((&earning["method"], &earning["status"]), (&json!("POST"), &json!(201)));
    assert_eq!(earning["role"], "merchant");
    assert!(earning["key"].as_str().is_some_and(|key| key.starts_with("k-")), "{earning}");
    assert!(earning["ms"].as_f64().is_some_and(|ms| ms > 0.0), "{earning}");
    assert_eq!(line("/v1/nothing")["status"], 404, "without the query");
    let stranger = line("/v1/totals");
    assert_eq!((&stranger["status"], &stranger["key"]), (&json!(401), &Value::Null));
}

/// A tool's output is what it was asked for.
#[test]
fn a_tool_whose_output_is_lost_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(Ledger::start(folder.path()).stop(), Some(0));
    let full = File::options().write(true).open("/dev/full").expect("there is one");
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(["rebuild", "--data-dir"]).arg(folder.path());
    let mut child = command.stdout(full).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut said = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut said).expect("read");
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    assert!(said.contains("could not be printed") && !said.contains("panicked"), "{said}");
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = serve(folder.path());
    for variable in [
        "RUST_LOG",
        "GUERDON_KAFKA",
        "GUERDON_KAFKA_PROPERTY",
        "GUERDON_KAFKA_CREATE_TOPICS",
        "GUERDON_STORE",
        "GUERDON_READ_MODEL",
        "GUERDON_READ_MODEL_REPLICA",
        "GUERDON_CLOCK",
        "GUERDON_ROLE",
        "GUERDON_PARTITIONS",
        "GUERDON_OPERATORS_LISTEN",
        "GUERDON_IDLE_TIMEOUT",
        "GUERDON_API_KEYS_ELSEWHERE",
        "GUERDON_ARCHIVE_DIR",
        "GUERDON_LOG_FORMAT",
        "GUERDON_ACCESS_LOG",
    ] {
        command.env(variable, "");
    }
    let ledger = Ledger::run(command, folder.path());
    let said = crate::ledger::said(folder.path());
    assert!(said.contains("the ledger is ready"), "RUST_LOG is info: {said}");
    assert_eq!(ledger.stop(), Some(0));
}

#[test]
fn a_path_with_a_line_break_is_refused() {
    for option in ["--data-dir", "--archive-dir", "--kafka-properties", "--command-api-keys"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
        command.args(["serve", option, "a\nb"]);
        let output = ends(command);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("control characters"), "{said}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(["serve", "--store", "sqlite:a\u{1b}[2Jb"]);
    let output = ends(command);
    assert!(!output.status.success() && !output.stderr.contains(&0x1b), "{output:?}");
}

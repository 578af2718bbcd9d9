//! An operator marks an account or a request: every part logs it in detail, and keeps its trace.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ledger::{Ledger, PATIENCE, ends, said, tool_of};
use crate::topic::shop::prepare;
use crate::traces::receiver::Receiver;

const REDEEM: &str = "PUT /v1/accounts/{account_id}/exchanges/{exchange_id}";

/// What is logged of marked things.
fn lines(folder: &Path) -> Vec<Value> {
    let lines = said(folder);
    let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["target"] == "mark").collect()
}

/// Waits for a line about marked things.
async fn line(folder: &Path, is_it: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        if let Some(line) = lines(folder).into_iter().find(&is_it) {
            return line;
        }
        assert!(begun.elapsed() < PATIENCE, "no such line: {:#?}", lines(folder));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn start(folder: &Path, more: &[&str]) -> Ledger {
    Ledger::start_with(folder, &[&["--log-format", "json"], more].concat(), &[])
}

/// Runs `guerdon mark`, and gives what it prints.
fn mark(ledger: &Ledger, args: &[&str]) -> String {
    let output = ends(tool_of(ledger, &[&["mark"], args].concat()));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{args:?}: {output:?}");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_marked_account_does_is_logged_by_every_part_and_is_one_trace() {
    let (folder, receiver) = (tempfile::tempdir().expect("a folder"), Receiver::start().await);
    // Nothing is traced but what is marked.
    let ledger = start(folder.path(), &["--otlp", receiver.url(), "--trace-share", "0"]);
    prepare(&ledger.client).await;
    let said = mark(&ledger, &["account", "shopper-0", "--for", "5min"]);
    assert!(said.starts_with("marked shopper-0 until 20"), "{said}");
    let listed: Value =
        serde_json::from_str(&mark(&ledger, &["list", "--output", "json"])).expect("one mark");
    assert_eq!((&listed["kind"], &listed["id"]), (&json!("account"), &json!("shopper-0")));

    ledger.client.redeems("shopper-0", "x-1", "mug").await.is(201);
    let answered = line(folder.path(), |line| {
        line["message"] == "a request was answered"
            && line["method"] == "PUT"
            && line["path"] == "/v1/accounts/shopper-0/exchanges/x-1"
    });
    let answered = answered.await;
    assert_eq!(answered["route"], &REDEEM[4..]);
    assert_eq!((&answered["status"], &answered["role"]), (&json!(201), &json!("shopper")));
    let trace_id = answered["trace_id"].as_str().expect("a trace").to_owned();
    let of_trace = |message: &'static str| {
        let trace_id = trace_id.clone();
        line(folder.path(), move |line| line["trace_id"] == *trace_id && line["message"] == message)
    };
    let command = of_trace("a command was answered").await;
    assert_eq!((&command["command"], &command["outcome"]), (&json!("redeem"), &json!("recorded")));
    let projected = of_trace("events were projected").await;
    assert_eq!((&projected["account_id"], &projected["events"]), (&json!("shopper-0"), &json!(2)));
    let steps = [REDEEM, "execute", "decide", "append", "project"];
    receiver.trace_with(&trace_id, &steps).await;

    // Nobody else is, and neither is this one once the mark is removed.
    ledger.client.redeems("shopper-1", "x-2", "mug").await.is(201);
    let said = mark(&ledger, &["unmark-account", "shopper-0"]);
    assert_eq!(said, "shopper-0 is not marked any more\n");
    let before = lines(folder.path()).len();
    let position = ledger.client.redeems("shopper-0", "x-3", "mug").await.position;
    let position = position.expect("a position");
    ledger.client.get_after(&position, "auditor", "/v1/accounts/shopper-0").await.is(200);
    assert_eq!(lines(folder.path()).len(), before);
    assert_eq!(ledger.stop(), Some(0));
    let all = receiver.all();
    assert!(all.iter().all(|span| span.trace_id == trace_id || span.name != REDEEM), "{all:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_marked_request_is_logged_without_a_collector_and_by_another_process_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path(), &[]);
    prepare(&ledger.client).await;
    mark(&ledger, &["request", "x-1"]);
    ledger.client.redeems("shopper-0", "x-1", "mug").await.is(201);
    let path = "/v1/accounts/shopper-0/exchanges/x-1";
    let answered = line(folder.path(), |line| line["path"] == path).await;
    for message in ["a command was answered", "events were projected"] {
        line(folder.path(), |line| {
            line["message"] == message && line["trace_id"] == answered["trace_id"]
        })
        .await;
    }
    // A process that only reads, which looks at the marks by itself.
    let reads = start(folder.path(), &["--role", "query-api"]);
    let begun = Instant::now();
    let is_known = |line: &Value| line["path"] == path && line["method"] == "GET";
    while !lines(folder.path()).iter().any(is_known) {
        assert!(begun.elapsed() < PATIENCE, "{:#?}", lines(folder.path()));
        reads.client.with_keys_of(folder.path()).get("auditor", path).await.is(200);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(reads.stop(), Some(0));
    assert_eq!(ledger.stop(), Some(0));

    // It lasts across a restart.
    let ledger = start(folder.path(), &[]);
    let marks = ledger.client.get("auditor", "/v1/marks").await.is(200);
    assert_eq!(marks["items"][0]["id"], "x-1", "{marks}");
    assert_eq!((&marks["items"][0]["kind"], &marks["next"]), (&json!("request"), &Value::Null));
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_ends_by_itself_is_moved_by_another_and_lasts_a_day_at_most() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path(), &[]);
    let api = &ledger.client;
    let path = "/v1/marks/accounts/ann";
    for seconds in [0, 86_401] {
        let problem = api.put("operator", path, json!({"seconds": seconds})).await;
        assert_eq!(problem.is_problem(400, "invalid-field")["field"], "seconds");
    }
    let first = api.put("operator", path, json!({"seconds": 1})).await.is(201);
    let moved = api.put("operator", path, json!({"seconds": 86_400})).await.is(200);
    assert!(first["ends_at"].as_str() < moved["ends_at"].as_str(), "{first} {moved}");
    api.put("operator", path, json!({"seconds": 1})).await.is(200);
    let begun = Instant::now();
    while api.get("operator", "/v1/marks").await.is(200)["items"] != json!([]) {
        assert!(begun.elapsed() < PATIENCE, "the mark doesn't end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // One more than there may be.
    for number in 0..=100 {
        let path = format!("/v1/marks/requests/x-{number}");
        api.put("operator", &path, json!({})).await.is(201);
    }
    let marks = api.get("operator", "/v1/marks").await.is(200);
    let ids: Vec<&str> = marks["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|it| it["id"].as_str())
        .collect();
    assert_eq!((ids.len(), ids.first(), ids.last()), (100, Some(&"x-100"), Some(&"x-1")));
    assert_eq!(ledger.stop(), Some(0));
}

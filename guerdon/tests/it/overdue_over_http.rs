//! A ledger without Kafka, whose warehouses read over HTTP: a request that nobody accepts alarms
//! the operator, who has it sent once more or settles it.

use std::process::Command;

use serde_json::{Value, json};

use crate::ledger::{Ledger, ends, said, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_nobody_accepts_alarms_without_kafka() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("log.sqlite").display());
    let ledger = Ledger::start_on(&store, folder.path(), &["--overdue-after", "1s"]);
    ledger.client.opens("mug", 300, None, None).await;
    ledger.client.earns("ann", 900, "B-1").await;
    for exchange in ["x-1", "x-2", "x-3"] {
        ledger.client.redeems("ann", exchange, "mug").await.is(201);
    }
    let all = |list: &Value| list["items"].as_array().map(Vec::len) == Some(3);
    let requests = until(&ledger.client, "/v1/shipping-requests", all).await;
    let id = |index: usize| requests["items"][index]["shipping_request_id"].clone();
    let path = |index: usize, what: &str| {
        format!("/v1/shipping-requests/{}/{what}", id(index).as_str().expect("an id"))
    };
    ledger.client.put("warehouse", &path(0, "acceptance"), json!({})).await.is(201);

    let list = "/v1/overdue-shipping-requests";
    let overdue =
        until(&ledger.client, list, |list| list["items"].as_array().map(Vec::len) == Some(2));
    let overdue = overdue.await;
    let item = &overdue["items"][0];
    assert_eq!((&item["shipping_request_id"], &item["status"]), (&id(1), &json!("requested")));
    assert_eq!((&item["exchange_id"], &item["warehouse"]), (&json!("x-2"), &json!("main")));
    let shown = |index: usize| id(index).as_str().expect("an id").to_owned();
    let printed = tool(&ledger, &["overdue"]);
    assert!(printed.contains(&shown(1)) && printed.contains(&shown(2)), "{printed}");
    assert!(!printed.contains(&shown(0)), "it was accepted: {printed}");
    let ready =
        until(&ledger.client, "/health/ready", |ready| ready["shipping"]["overdue"] == 2).await;
    assert_eq!(ready["status"], "ready");
    let alarms = |said: &str| said.matches("a shipping request is overdue").count();
    assert_eq!(alarms(&said(folder.path())), 2, "{}", said(folder.path()));

    // Sent once more, it comes to whoever has read everything before.
    let stream = "/v1/shipping-stream?warehouse=main";
    let page = ledger.client.get("warehouse", stream).await.is(200);
    assert_eq!(page["items"].as_array().map(Vec::len), Some(3));
    let next = page["next"].as_str().expect("a cursor").to_owned();
    tool(&ledger, &["resend", &shown(1)]);
    let again = format!("{stream}&after={next}&wait_ms=10000");
    let page = ledger.client.get("warehouse", &again).await.is(200);
    let item = &page["items"][0];
    assert_eq!((&item["id"], &item["type"]), (&id(1), &json!("guerdon.shipping-requested")));
    assert_eq!((&item["data"]["attempt"], &item["data"]["sequence"]), (&json!(2), &json!(4)));
    assert_eq!(item["data"]["deliver_to"], "1 Elm Street");
    ledger.client.put("warehouse", &path(1, "acceptance"), json!({})).await.is(201);

    // What was settled by hand is overdue no more.
    tool(&ledger, &["settle", &shown(2), "--reason", "handed over in the shop"]);
    until(&ledger.client, list, |list| list["items"] == json!([])).await;
    until(&ledger.client, "/health/ready", |ready| ready["shipping"]["overdue"] == 0).await;
    assert_eq!(alarms(&said(folder.path())), 2, "each is told once");
    let none = "/v1/shipping-requests/none/resend";
    ledger.client.post("operator", none, json!({})).await.is_problem(404, "not-found");
    assert_eq!(ledger.stop(), Some(0));
}

/// `guerdon shipping …`; what it prints.
fn tool(ledger: &Ledger, words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.arg("shipping").arg("--url").arg(&ledger.client.url);
    command.arg("--api-keys").arg(ledger.folder.join("api-keys.json")).args(words);
    let done = ends(command);
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).expect("UTF-8")
}

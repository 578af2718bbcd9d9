//! Redemptions whose callers don't wait: `Prefer: respond-async`, and what is left of one after the
//! process that decided it has died.

use std::path::Path;

use reqwest::Response;
use serde_json::{Value, json};

use crate::ledger::{Api, Ledger};

const ATTEMPT: &str = "/v1/accounts/ann/exchanges/x-1/attempt";

/// A ledger with an offer for 10 points, of which ann has 15.
async fn start(folder: &Path) -> Ledger {
    let ledger = Ledger::start(folder);
    ledger.client.opens("mug", 10, None, None).await;
    ledger.client.earns("ann", 15, "B-1").await;
    ledger
}

async fn redeem(api: &Api, exchange: &str, prefer: &str) -> Response {
    let request = api.redemption("ann", exchange, "mug").header("prefer", prefer);
    request.send().await.expect("answered")
}

/// Checks that a redemption is pending, and gives where its attempt is.
async fn is_pending(response: Response) -> String {
    assert_eq!(response.status(), 202);
    assert_eq!(response.headers()["preference-applied"], "respond-async");
    let at = response.headers()["location"].to_str().expect("a path").to_owned();
    let body: Value = response.json().await.expect("JSON");
    assert_eq!((&body["status"], &body["durable"]), (&json!("pending"), &json!(false)));
    at
}

/// What an attempt came to.
async fn decided(api: &Api, at: &str) -> Value {
    let request = api.request("GET", at, "shopper").header("prefer", "wait=20");
    api.send(request).await.expect("answered").is(200)
}

/// Nothing is appended to the log as long as this is held.
fn hold(folder: &Path) -> rusqlite::Connection {
    let log = rusqlite::Connection::open(folder.join("log.sqlite")).expect("the log");
    log.execute_batch("begin immediate").expect("locked");
    log
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_is_pending_and_then_says_what_it_came_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path()).await;
    let api = &ledger.client;
    let held = hold(folder.path());
    let at = is_pending(redeem(api, "x-1", "respond-async").await).await;
    assert_eq!(at, ATTEMPT);
    assert_eq!(api.get("shopper", &at).await.is(200)["status"], "pending");
    // The same again joins it; whoever waits a moment hears the same.
    for prefer in ["respond-async", "respond-async, wait=1"] {
        assert_eq!(is_pending(redeem(api, "x-1", prefer).await).await, at);
    }
    drop(held);
    let created = decided(api, &at).await;
    assert_eq!((&created["status"], &created["durable"]), (&json!("created"), &json!(false)));
    let again = api.redeems("ann", "x-1", "mug").await.is(200);
    assert_eq!(created["exchange"], again, "what a repeat is answered");

    let at = is_pending(redeem(api, "x-2", "respond-async").await).await;
    let refused = decided(api, &at).await;
    assert_eq!(refused["status"], "refused");
    assert_eq!(refused["problem"]["code"], "insufficient-credit");
    // Who waits long enough gets the usual answer.
    let answer = redeem(api, "x-2", "wait=20, respond-async").await;
    assert_eq!(answer.status(), 409);
    let answer = redeem(api, "x-1", "respond-async; foo, wait=20").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["idempotency-replayed"], "true");
    // What isn't even queued is answered at once, and is no attempt.
    api.opens("cup", 5, Some(1), None).await;
    api.redeems("ann", "x-3", "cup").await.is(201);
    let sold_out = api.redemption("ann", "x-4", "cup").header("prefer", "respond-async");
    api.send(sold_out).await.expect("answered").is_problem(409, "sold-out");
    let no_attempt = "/v1/accounts/ann/exchanges/x-4/attempt";
    api.get("shopper", no_attempt).await.is_problem(404, "not-found");
    // What created its exchange says so, whatever a repeat of it is answered.
    assert_eq!(redeem(api, "x-1", "respond-async").await.status(), 200);
    assert_eq!(decided(api, ATTEMPT).await["status"], "created");
    for unknown in
        ["/v1/accounts/ann/exchanges/x-9/attempt", "/v1/accounts/bob/exchanges/x-1/attempt"]
    {
        api.get("shopper", unknown).await.is_problem(404, "not-found");
    }
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_whose_process_died_is_sent_again_and_ends_in_one_exchange() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path()).await;
    let held = hold(folder.path());
    let at = is_pending(redeem(&ledger.client, "x-1", "respond-async").await).await;
    ledger.kill();
    drop(held);
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    api.get("shopper", &at).await.is_problem(404, "not-found");
    is_pending(redeem(api, "x-1", "respond-async").await).await;
    let created = decided(api, &at).await;
    assert_eq!(created["status"], "created");
    let position = created["exchange"]["position"].as_str().expect("a position");
    let account = api.get_after(position, "shopper", "/v1/accounts/ann").await.is(200);
    assert_eq!(account["available"], 5, "it was paid once");
    let exchanges = api.list("shopper", "/v1/accounts/ann/exchanges").await;
    assert_eq!(exchanges.len(), 1, "{exchanges:?}");
    assert_eq!(ledger.stop(), Some(0));
}

//! Random requests to every route, half of them mutated. Whatever is sent, the answer comes in
//! time, is no fault of the server's, and says when the connection ends; the books balance after
//! it.
//!
//! `GUERDON_FUZZ_SECONDS` says for how long, and `GUERDON_SEED` which requests.

mod connection;
mod request;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use self::connection::{Connection, Heard};
use self::request::{Known, Sent, random};
use crate::ledger::{Ledger, PATIENCE, said};
use crate::routes_and_roles::table;
use crate::topic::dice::Dice;

const SECONDS: u64 = 20;

const CONNECTIONS: u64 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_makes_the_server_fail_hang_or_drop_a_connection() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with_publisher(folder.path());
    let known = Arc::new(known(&ledger).await);
    let end = Instant::now() + Duration::from_secs(seconds());
    let mut callers = JoinSet::new();
    let mut dice = Dice::new("random requests");
    for _ in 0..CONNECTIONS {
        let (known, url) = (Arc::clone(&known), ledger.client.url.clone());
        callers.spawn(call(url, known, dice.another(), end));
    }
    let mut statuses = BTreeMap::<u16, usize>::new();
    while let Some(called) = callers.join_next().await {
        for (status, count) in called.expect("no answer was wrong") {
            *statuses.entry(status).or_default() += count;
        }
    }
    println!("{statuses:?}");
    // It got past the door, and what was to be refused was.
    for status in [200, 201, 400, 403, 404, 409, 422] {
        assert!(statuses.contains_key(&status), "no {status} among {statuses:?}");
    }

    let last = ledger.client.earns("zoe", 1, "the-last").await;
    let totals = ledger.client.get_after(&last, "auditor", "/v1/totals").await.is(200);
    assert_eq!(totals["difference"], "0", "{totals}");
    assert_eq!(ledger.stop(), Some(0));
    assert!(!said(folder.path()).contains("panicked"), "{}", said(folder.path()));
}

/// One caller, who sends one request after the other on a connection.
async fn call(
    url: String,
    known: Arc<Known>,
    mut dice: Dice,
    end: Instant,
) -> BTreeMap<u16, usize> {
    let mut statuses = BTreeMap::new();
    let mut connection = None;
    while Instant::now() < end {
        let mut open = match connection.take() {
            Some(open) => open,
            None => Connection::to(&url).await,
        };
        let sent = random(&known, &mut dice);
        let heard = open.ask(&sent).await;
        let heard = heard.unwrap_or_else(|why| panic!("{why}, after {sent}"));
        check(&sent, &heard);
        *statuses.entry(heard.status).or_default() += 1;
        let is_over = heard.announces_close || heard.is_stream || sent.is_cut;
        connection = (!is_over).then_some(open);
    }
    statuses
}

/// An answer is a document that says what is wrong, or none of the server's own faults.
#[track_caller]
fn check(sent: &Sent, heard: &Heard) {
    let Heard { status, .. } = *heard;
    let body: Value = serde_json::from_slice(&heard.body).unwrap_or_default();
    let shown = || format!("{status} {} after {sent}", String::from_utf8_lossy(&heard.body));
    if status >= 500 {
        assert_eq!(status, 503, "{}", shown());
        let is_health = sent.target.starts_with("/health/");
        assert!(is_health || heard.retry_after.is_some(), "no Retry-After: {}", shown());
    }
    // The HTTP library answers some requests by itself, before there is a route.
    if status >= 400 && !sent.is_head && !(heard.body.is_empty() && heard.announces_close) {
        let is_health = sent.target.starts_with("/health/");
        assert!(is_health || body["code"].is_string(), "no code: {}", shown());
        assert!(is_health || body["status"] == status, "another status: {}", shown());
    }
    let has_body = !heard.body.is_empty() || heard.is_stream || sent.is_head;
    assert!(has_body || status != 200, "an empty answer: {}", shown());
}

/// What the requests can be about.
async fn known(ledger: &Ledger) -> Known {
    let api = &ledger.client;
    for (offer, stock) in [("mug", Some(100_000)), ("cup", None)] {
        api.opens(offer, 3, stock, None).await;
    }
    for account in ["ann", "bob"] {
        api.earns(account, 1_000_000, "b-0").await;
        for exchange in ["x-1", "x-2"] {
            api.redeems(account, exchange, "mug").await.is(201);
        }
    }
    let last = api.earns("ann", 1, "b-1").await;
    api.get_after(&last, "auditor", "/v1/accounts/ann").await.is(200);
    let requests = api.list("operator", "/v1/shipping-requests").await;
    let requests = requests.iter().filter_map(|request| request["shipping_request_id"].as_str());
    let rule = json!({"rate": {"points": 1, "per_amount": 100}});
    api.put("operator", "/v1/earning-rules/default", rule).await.is(201);
    let keys = std::fs::read_to_string(ledger.folder.join("api-keys.json")).expect("keys");
    let mut routes = table();
    // There would be thousands of keys.
    routes.retain(|route| !(route.path == "/v1/keys" && route.method == "POST"));
    Known {
        routes,
        keys: serde_json::from_str(&keys).expect("keys"),
        requests: requests.map(ToOwned::to_owned).collect(),
    }
}

#[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
fn seconds() -> u64 {
    let given = std::env::var("GUERDON_FUZZ_SECONDS").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(SECONDS)
}

/// How long an answer is waited for. Every deadline of the server's is shorter.
const ANSWER_MAX: Duration = PATIENCE;

//! A hundred shoppers pass the same hundred points around a ring that leads through all partitions,
//! while the ledger is killed: no point is lost or doubled, and none stays in transit.
//!
//! `GUERDON_RING_SECONDS` says how long; `cargo xtask faults` says 30.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::EIGHT;
use crate::ledger::{Api, Ledger, PATIENCE, until};

const SHOPPERS: u64 = 100;

/// How long a shopper rests who has nothing to pass on, or whom nobody answers.
const REST: Duration = Duration::from_millis(20);

#[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
fn seconds() -> u64 {
    let seconds = std::env::var("GUERDON_RING_SECONDS").ok();
    seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or(4)
}

/// The ring.
struct Ring {
    /// Where the ledger is at the moment.
    api: Mutex<Api>,
    is_over: AtomicBool,
    passed: AtomicU64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn points_that_go_round_through_all_partitions_are_neither_lost_nor_doubled() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = Ledger::start_with(folder.path(), &EIGHT, &[]);
    for shopper in 0..SHOPPERS {
        ledger.client.earns(&format!("shopper-{shopper}"), 1, "B-1").await;
    }
    let ring = Arc::new(Ring {
        api: Mutex::new(ledger.client.clone()),
        is_over: AtomicBool::new(false),
        passed: AtomicU64::new(0),
    });
    let mut passing = JoinSet::new();
    for shopper in 0..SHOPPERS {
        passing.spawn(Arc::clone(&ring).pass_on(shopper));
    }
    // A kill each second and a half, so that there is always something under way.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds()) {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        ledger.kill();
        ledger = Ledger::start_with(folder.path(), &EIGHT, &[]);
        *ring.api.lock().expect("not poisoned") = ledger.client.clone();
    }
    ring.is_over.store(true, Ordering::Relaxed);
    while let Some(passed) = passing.join_next().await {
        passed.expect("everyone is answered");
    }
    let passed = ring.passed.load(Ordering::Relaxed);
    println!("{passed} points were passed on");
    assert!(passed > SHOPPERS, "the ring stood still");

    // What is under way arrives by itself.
    let has_arrived = |totals: &Value| {
        assert_eq!(totals["difference"], "0", "{totals}");
        totals["in_transit"] == "0"
    };
    let totals = until(&ledger.client, "/v1/totals", has_arrived).await;
    assert_eq!(totals["available"], SHOPPERS.to_string(), "{totals}");
    let mut owned = 0;
    for shopper in 0..SHOPPERS {
        let account = format!("/v1/accounts/shopper-{shopper}");
        let balance = ledger.client.get("auditor", &account).await.is(200);
        owned += balance["available"].as_u64().expect("a number");
    }
    assert_eq!(owned, SHOPPERS);
    let balanced = ledger.client.get("auditor", "/v1/trial-balance").await.is(200);
    assert_eq!(balanced["units"][0]["difference"], "0", "{balanced}");
    assert_eq!(balanced["units"][0]["in_transit"], "0", "{balanced}");
    assert_eq!(ledger.stop(), Some(0));
}

impl Ring {
    /// Passes a point on to the next, again and again, each time with an id of its own until that
    /// is answered.
    async fn pass_on(self: Arc<Self>, shopper: u64) {
        let next = format!("shopper-{}", (shopper + 1) % SHOPPERS);
        for number in 0..u64::MAX {
            let path = format!("/v1/accounts/shopper-{shopper}/transfers/t-{number}");
            let body = json!({"to": next, "points": 1});
            if self.is_passed(&path, &body).await {
                self.passed.fetch_add(1, Ordering::Relaxed);
            } else {
                tokio::time::sleep(REST).await;
            }
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    /// Asks until there is an answer; whether there was a point.
    async fn is_passed(&self, path: &str, body: &Value) -> bool {
        let begun = Instant::now();
        loop {
            let api = self.api.lock().expect("not poisoned").clone();
            let told = api.send(api.request("PUT", path, "shopper").json(body)).await;
            match told {
                Ok(answer) if matches!(answer.status, 200 | 201) => return true,
                Ok(answer) if answer.status != 503 => {
                    answer.is_problem(409, "insufficient-credit");
                    return false;
                }
                told => assert!(begun.elapsed() < PATIENCE, "{path}: {told:?}"),
            }
            tokio::time::sleep(REST).await;
        }
    }
}

//! An earning rule goes by the calendar of its time zone, and by when a purchase happened where it
//! is told late, also in a ledger that was started anew from its log.

use std::path::Path;

use serde_json::{Value, json};

use crate::ledger::Ledger;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rules_cap_counts_by_its_calendar_also_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(folder.path());
    let black_friday =
        json!({"from": "2025-11-28T00:00:00", "until": "2025-11-29T00:00:00", "percent": 200});
    let rule = json!({"rate": {"points": 10, "per_amount": 100}, "multipliers": [black_friday],
        "cap": {"points": 30, "period": "day"}, "time_zone": "Europe/Berlin", "backdate_days": 2});
    let path = "/v1/earning-rules/default";
    let set = ledger.client.put("operator", path, rule.clone()).await.is(201);
    // A time without an offset is of the rule's time zone.
    let doubled = json!({"from": "2025-11-27T23:00:00Z", "until": "2025-11-28T23:00:00Z",
        "percent": 200});
    assert_eq!(set["multipliers"], json!([doubled]));
    assert_eq!((&set["time_zone"], &set["backdate_days"]), (&json!("Europe/Berlin"), &json!(2)));
    ledger.client.put("operator", path, rule).await.is(200);

    // Berlin's midnight is 23:00 in November.
    assert_eq!(buys(&ledger, "B-1", "2025-11-27T22:30:00Z", 250).await, 25);
    assert_eq!(buys(&ledger, "B-2", "2025-11-27T22:59:59Z", 250).await, 5);
    assert_eq!(buys(&ledger, "B-3", "2025-11-27T23:00:00Z", 100).await, 20);
    assert_eq!(ledger.stop(), Some(0));

    let ledger = start(folder.path());
    assert_eq!(buys(&ledger, "B-4", "2025-11-28T00:00:00Z", 100).await, 10);
    // Told late, it counts in its own day, in which a return makes room.
    assert_eq!(buys(&ledger, "B-5", "2025-11-27T22:59:59Z", 250).await, 0);
    let back = "/v1/accounts/ann/purchases/B-1/returns/r-1";
    ledger.client.put("merchant", back, json!({})).await.is(201);
    assert_eq!(buys(&ledger, "B-6", "2025-11-27T22:59:59Z", 1_000).await, 25);
    // Today it makes none.
    assert_eq!(buys(&ledger, "B-7", "2025-11-28T00:00:00Z", 100).await, 0);
    let read = ledger.client.get("operator", path).await.is(200);
    assert_eq!(read["time_zone"], "Europe/Berlin");
    assert_eq!(ledger.stop(), Some(0));
}

fn start(folder: &Path) -> Ledger {
    Ledger::start_with(folder, &["--clock", "commands"], &[])
}

/// The points for one line.
async fn buys(ledger: &Ledger, basket: &str, at: &str, amount: u64) -> Value {
    let path = format!("/v1/accounts/ann/purchases/{basket}");
    let lines = json!([{"product_id": "tv", "quantity": 1, "amount": amount}]);
    let body = json!({"lines": lines, "occurred_at": at});
    ledger.client.put("merchant", &path, body).await.is(201)["points"].clone()
}

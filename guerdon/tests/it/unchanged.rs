//! An amendment that would change nothing records nothing, and says so.

use serde_json::{Value, json};

use crate::ledger::{Api, Ledger};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_amendment_that_changes_nothing_records_nothing_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    let mug = json!({"product_id": "mug-blue", "price": 300, "stock": 10});
    let rate = |points: u64| json!({"points": points, "per_amount": 100});
    let category = |name: &str, points: u64| json!({"category": name, "rate": rate(points)});
    let rule = json!({"rate": rate(1), "categories": [category("toys", 2), category("books", 3)]});
    let turned =
        json!({"rate": rate(1), "categories": [category("books", 3), category("toys", 2)]});
    let policy = json!({"spent_credit": "debt", "refund_grace_days": 7});
    api.put("operator", "/v1/offers/mug", mug.clone()).await.is(201);
    api.put("operator", "/v1/earning-rules/default", rule).await.is(201);
    api.put("operator", "/v1/policy", policy.clone()).await.is(200);
    let before = api.earns("ann", 1, "B-1").await;
    for (path, body) in
        [("/v1/offers/mug", mug), ("/v1/earning-rules/default", turned), ("/v1/policy", policy)]
    {
        let etag = amended(api, path, &body, "*").await;
        assert_eq!(amended(api, path, &body, &etag).await, etag, "{path}");
    }
    let after = api.earns("ann", 1, "B-2").await;
    assert_eq!((before.as_str(), after.as_str()), ("0:5", "0:6"), "nothing was recorded between");
    assert_eq!(ledger.stop(), Some(0));
}

/// Amends; the answer says that nothing was changed. Its ETag.
async fn amended(api: &Api, path: &str, body: &Value, if_match: &str) -> String {
    let request = api.request("PUT", path, "operator").header("if-match", if_match).json(body);
    let answer = request.send().await.expect("answered");
    assert_eq!(answer.status(), 200, "{path}");
    assert_eq!(answer.headers()["idempotency-replayed"], "true", "{path}");
    answer.headers()["etag"].to_str().expect("ASCII").to_owned()
}

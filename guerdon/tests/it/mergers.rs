//! Two accounts of one shopper become one, over HTTP, in one partition and across two.

use std::time::Instant;

use serde_json::{Value, json};

use crate::ledger::{Api, Ledger, PATIENCE, account_in, until};

/// An account that lives in a partition of four.
fn living_in(partition: u16) -> String {
    account_in(partition, 4)
}

/// Reads until it is so, for credit is on its way to another partition.
async fn becomes(api: &Api, path: &str, field: &str, value: Value) -> Value {
    until(api, path, |read| read[field] == value).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_merged_within_a_partition() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    merges(&ledger.client, "ann", "bob").await;
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_merged_across_partitions() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with(folder.path(), &["--partitions", "4"], &[]);
    merges(&ledger.client, &living_in(1), &living_in(2)).await;
    assert_eq!(ledger.stop(), Some(0));
}

async fn merges(api: &Api, old: &str, new: &str) {
    api.opens("mug", 300, None, None).await;
    api.earns(old, 900, "B-1").await;
    api.earns(new, 50, "B-2").await;
    api.redeems(old, "x-1", "mug").await.is(201);
    let of_old = format!("/v1/accounts/{old}");
    let of_new = format!("/v1/accounts/{new}");

    let merger = format!("{of_old}/merger");
    let into = |id: &str| json!({"into": id});
    api.put("merchant", &merger, into(new)).await.is_problem(403, "forbidden");
    api.put("operator", &merger, into(old)).await.is_problem(409, "merger-into-itself");
    api.put("operator", &merger, into("nobody")).await.is_problem(409, "new-account-unknown");
    let merged = api.put("operator", &merger, into(new)).await.is(201);
    assert_eq!((&merged["account_id"], &merged["into"]), (&json!(old), &json!(new)));
    assert_eq!(api.put("operator", &merger, into(new)).await.is(200), merged);
    assert_eq!(becomes(api, &merger, "into", json!(new)).await["position"], merged["position"]);

    // Nothing begins under the old id, and what was done there is answered and goes on.
    let refused = json!({"points": 5, "cause": {"kind": "review", "id": "R-1"}});
    let refused = api.post("merchant", &format!("{of_old}/credits"), refused).await;
    assert_eq!(refused.is_problem(409, "account-merged")["merged_into"], new);
    let circle = api.put("operator", &format!("{of_new}/merger"), into(old)).await;
    assert_eq!(circle.is_problem(409, "account-merged")["merged_into"], new);
    api.redeems(old, "x-1", "mug").await.is(200);
    becomes(api, &of_new, "available", json!(650)).await;
    let offer = api.get("shopper", &format!("{of_old}/offers/mug")).await.is(200);
    assert_eq!((&offer["may_take"], &offer["taken"]), (&json!(0), &json!(1)), "{offer}");
    let cancel = format!("{of_old}/exchanges/x-1/cancellations/c-1");
    api.put("shopper", &cancel, json!({})).await.is(201);

    // Both ids show both.
    let shown = becomes(api, &of_new, "available", json!(950)).await;
    assert_eq!(shown["shows"].as_array().map(Vec::len), Some(2));
    let read = becomes(api, &of_old, "available", json!(950)).await;
    assert_eq!((&read["merged_into"], &read["units"]), (&json!(new), &shown["units"]));
    let offer = api.get("shopper", &format!("{of_old}/offers/mug")).await.is(200);
    assert_eq!(offer["may_take"], 0, "nothing begins under the old id: {offer}");
    for of in [&of_old, &of_new] {
        let exchanges = api.get("shopper", &format!("{of}/exchanges")).await.is(200);
        assert_eq!(exchanges["items"][0]["account_id"], old, "{exchanges}");
        let entries = api.get("shopper", &format!("{of}/entries?limit=100")).await.is(200);
        let entries = entries["items"].as_array().expect("entries").clone();
        assert_eq!(entries[0]["balance"], 950, "{entries:?}");
        let causes: Vec<_> = entries.iter().filter_map(|it| it["cause"]["id"].as_str()).collect();
        assert_eq!(causes.iter().filter(|id| **id == "B-1" || **id == "B-2").count(), 2);
        let sent = entries.iter().filter(|entry| entry["kind"] == "credit-sent").count();
        assert_eq!(sent, 2, "{entries:?}");
        let first = api.get("shopper", &format!("{of}/entries?limit=3")).await.is(200);
        let next = first["next"].as_str().expect("a cursor");
        let rest = api.get("shopper", &format!("{of}/entries?limit=100&cursor={next}")).await;
        let rest = rest.is(200)["items"].as_array().expect("entries").clone();
        assert_eq!(rest[..], entries[3..]);
        api.get("shopper", &format!("{of}/expiry?since=2020-01-01T00:00:00Z")).await.is(200);
    }
    let totals = api.get("operator", "/v1/totals").await.is(200);
    assert_eq!(totals["difference"], "0", "{totals}");
    // The new one is spent from as ever.
    let bought = api.redeems(new, "x-1", "mug").await;
    bought.is(201);

    // Who erases the new one erases the old one.
    let settle = "/v1/shipping-requests?limit=100";
    let position = bought.position.expect("a write has a position");
    let requests = api.get_after(&position, "operator", settle).await.is(200);
    for request in requests["items"].as_array().expect("requests") {
        let id = request["shipping_request_id"].as_str().expect("an id");
        let settled = format!("/v1/shipping-requests/{id}/settlement");
        // One that was cancelled is over.
        let settled = api.put("operator", &settled, json!({"reason": "handed over"})).await;
        assert!([201, 409].contains(&settled.status), "{settled:?}");
    }
    let reason = json!({"reason": "asked for by letter"});
    let erasure = format!("{of_new}/erasures/e-1");
    let begun = Instant::now();
    loop {
        let asked = api.put("operator", &erasure, reason.clone()).await;
        if asked.status == 201 {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{}", asked.body);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    becomes(api, &format!("{of_old}/erasures/e-1"), "erasure_id", json!("e-1")).await;
}

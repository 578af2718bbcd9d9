//! How an operator sets and changes the terms of offers, rules and the policy, over HTTP, on a real
//! ledger.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::ledger::{Answer, Api, Ledger};

const MUG: &str = "/v1/offers/mug";

async fn patch(api: &Api, path: &str, if_match: &str, body: Value) -> Answer {
    let request = api.request("PATCH", path, "operator").header("if-match", if_match);
    let request = request.header("content-type", "application/merge-patch+json");
    api.send(request.body(body.to_string())).await.expect("answered")
}

fn whole_mug() -> Value {
    json!({"product_id": "mug-blue", "price": 300, "stock": 10, "limit_per_shopper": 3,
        "opens_at": "2026-01-01T00:00:00Z", "closes_at": "2126-01-01T00:00:00Z",
        "warehouse": "west", "name": "Blue mug", "description": "A mug, blue.",
        "image_url": "https://shop.example/mug.jpg", "category": "kitchen",
        "attributes": {"colour": "blue", "size": {"ml": 300, "oz": 10}}})
}

/// The members of an answer that are terms.
fn terms_of(answer: &Value) -> Value {
    let mut terms = answer.clone();
    for name in ["offer_id", "rule_id", "version", "position", "status", "remaining", "stock"] {
        terms.as_object_mut().expect("an object").remove(name);
    }
    terms
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_of_an_offer_changes_what_it_names_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    let opened = api.put("operator", MUG, whole_mug()).await.is(201);
    let mut expected = whole_mug();
    expected.as_object_mut().expect("an object").remove("stock");
    assert_eq!(terms_of(&opened), expected);

    for (patched, name, value) in [
        (json!({"price": 250}), "price", json!(250)),
        (json!({"name": "Mug, blue", "price": 250}), "name", json!("Mug, blue")),
        (json!({"warehouse": null}), "warehouse", json!("main")),
    ] {
        let answer = patch(api, MUG, "*", patched).await.is(200);
        expected[name] = value;
        assert_eq!(terms_of(&answer), expected);
    }
    for name in ["limit_per_shopper", "closes_at", "description"] {
        let answer = patch(api, MUG, "*", json!({name: null})).await.is(200);
        expected.as_object_mut().expect("an object").remove(name);
        assert_eq!(terms_of(&answer), expected, "null drops {name}");
    }
    let attributes = json!({"colour": null, "size": {"oz": null}, "for": ["tea"]});
    let answer = patch(api, MUG, "*", json!({"attributes": attributes})).await;
    expected["attributes"] = json!({"size": {"ml": 300}, "for": ["tea"]});
    assert_eq!(terms_of(&answer.is(200)), expected);

    let position = answer.position.expect("a position");
    let read = api.get_after(&position, "shopper", MUG).await.is(200);
    assert_eq!(terms_of(&read), expected, "it is read as it was answered");
    let closed = api.put("operator", "/v1/offers/mug/closure", json!({})).await.is(201);
    assert_eq!(terms_of(&closed), expected, "a closure shows the page, too");
    patch(api, MUG, "*", json!({"price": 1})).await.is_problem(409, "offer-closed");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_is_for_the_version_that_was_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    api.put("operator", MUG, whole_mug()).await.is(201);
    let without = api.request("PATCH", MUG, "operator").json(&json!({"price": 250}));
    api.send(without).await.expect("answered").is_problem(428, "if-match-missing");
    let new = api.request("PATCH", MUG, "operator").header("if-none-match", "*");
    let new = api.send(new.json(&json!({"price": 250}))).await.expect("answered");
    assert_eq!(new.is_problem(400, "invalid-header")["header"], "If-None-Match");
    patch(api, "/v1/offers/cup", "*", json!({"price": 1})).await.is_problem(404, "not-found");

    assert_eq!(patch(api, MUG, "\"1\"", json!({"price": 250})).await.is(200)["version"], 2);
    let again = api.request("PATCH", MUG, "operator").header("if-match", "\"1\"");
    let again = again.json(&json!({"price": 250})).send().await.expect("answered");
    assert_eq!(again.status(), 200);
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    let stale = patch(api, MUG, "\"1\"", json!({"price": 200})).await;
    assert_eq!(stale.is_problem(412, "offer-changed")["version"], 2);
    patch(api, MUG, "W/\"2\"", json!({"price": 200})).await.is_problem(412, "offer-changed");
    assert_eq!(
        patch(api, MUG, "\"1\", \"2-x\"", json!({"price": 200})).await.is(200)["version"],
        3
    );

    for (body, field) in [
        (json!({"colour": "blue"}), "colour"),
        (json!({"colour": null}), "colour"),
        (json!({"remaining": 7}), "remaining"),
        (json!({"version": 3}), "version"),
        (json!({"price": null}), "price"),
        (json!({"price": "1"}), "price"),
        (json!({"closes_at": "2025-01-01T00:00:00Z"}), "closes_at"),
        (json!({"attributes": []}), "attributes"),
        (json!({"attributes": {"text": "x".repeat(4_096)}}), "attributes"),
        (json!({"image_url": "javascript:alert(1)"}), "image_url"),
        (json!({"name": " "}), "name"),
    ] {
        let refused = patch(api, MUG, "*", body.clone()).await;
        assert_eq!(refused.is_problem(400, "invalid-field")["field"], field, "{body}");
    }
    patch(api, MUG, "*", json!([])).await.is_problem(400, "invalid-json");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patches_at_the_same_time_lose_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    api.put("operator", MUG, json!({"product_id": "p", "price": 1, "stock": null})).await.is(201);
    let mut each = JoinSet::new();
    for number in 0..40 {
        let api = api.clone();
        each.spawn(async move {
            let attributes = json!({"attributes": {format!("a{number}"): number}});
            patch(&api, MUG, "*", attributes).await.is(200);
        });
    }
    each.join_all().await;
    let answer = patch(api, MUG, "*", json!({})).await.is(200);
    let all: BTreeMap<String, u64> = (0..40).map(|number| (format!("a{number}"), number)).collect();
    assert_eq!((&answer["attributes"], &answer["version"]), (&json!(all), &json!(41)));

    let mut each = JoinSet::new();
    for price in 2..12 {
        let api = api.clone();
        each.spawn(async move { patch(&api, MUG, "\"41\"", json!({"price": price})).await.status });
    }
    let statuses = each.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 412].contains(status)), "{statuses:?}");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_without_if_match_stands_only_as_the_opening_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    let put = async |body: Value| api.put("operator", MUG, body).await;
    put(whole_mug()).await.is(201);
    put(whole_mug()).await.is(200);
    api.put("operator", "/v1/offers/mug/stock-additions/s-1", json!({"units": 5})).await.is(201);
    put(whole_mug()).await.is(200);
    let mut others: Vec<(String, Value)> = [
        ("stock", json!(9)),
        ("stock", json!(15)),
        ("stock", Value::Null),
        ("price", json!(301)),
        ("name", json!("Mug")),
        ("attributes", json!({"colour": "blue"})),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for name in ["limit_per_shopper", "closes_at", "warehouse", "description", "attributes"] {
        others.push((name.to_owned(), Value::Null));
    }
    for (name, value) in &others {
        let mut body = whole_mug();
        body[name] = value.clone();
        put(body).await.is_problem(428, "offer-exists");
    }
    let mut without = whole_mug();
    without.as_object_mut().expect("an object").remove("stock");
    put(without.clone()).await.is_problem(428, "offer-exists");
    let new = api.put("operator", "/v1/offers/cup", without).await;
    assert_eq!(new.is_problem(400, "invalid-field")["field"], "stock");

    patch(api, MUG, "\"1\"", json!({"price": 250})).await.is(200);
    put(whole_mug()).await.is_problem(428, "offer-exists");
    patch(api, MUG, "\"2\"", json!({"price": 300})).await.is(200);
    assert_eq!(put(whole_mug()).await.is(200)["version"], 3, "it has these terms again");
    api.put("operator", "/v1/offers/mug/closure", json!({})).await.is(201);
    put(whole_mug()).await.is_problem(409, "offer-closed");
    let mut other = whole_mug();
    other["price"] = json!(301);
    put(other).await.is_problem(428, "offer-exists");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_and_the_policy_are_patched_as_offers_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    let path = "/v1/earning-rules/default";
    let rule = json!({"rate": {"points": 10, "per_amount": 100},
        "categories": [{"category": "books", "rate": {"points": 20, "per_amount": 100}}],
        "multipliers": [{"from": "2026-12-01T00:00:00Z", "until": "2027-01-01T00:00:00Z",
            "percent": 200}],
        "cap": {"points": 500, "period": "day"}, "expiry": {"months": 12}, "pending_days": 14});
    let set = api.put("operator", path, rule.clone()).await.is(201);
    let unchanged = patch(api, path, "\"1\"", json!({})).await.is(200);
    assert_eq!(unchanged, set, "nothing was asked for");
    let rate = patch(api, path, "\"1\"", json!({"rate": {"points": 15}})).await.is(200);
    assert_eq!(
        (&rate["rate"], &rate["version"]),
        (&json!({"points": 15, "per_amount": 100}), &2.into())
    );
    assert_eq!((&rate["cap"], &rate["expiry"]), (&set["cap"], &set["expiry"]));
    let stale = patch(api, path, "\"1\"", json!({"cap": null})).await;
    assert_eq!(stale.is_problem(412, "rule-changed")["version"], 2);
    let less = json!({"cap": null, "categories": null, "multipliers": null, "pending_days": null,
        "expiry": {"months": null, "end_of_year": 1}});
    let less = patch(api, path, "\"2\"", less).await.is(200);
    assert_eq!(terms_of(&less), json!({"rate": rate["rate"], "expiry": {"end_of_year": 1}}));
    for (body, field) in [
        (json!({"expiry": {"months": 3}}), "expiry"),
        (json!({"rate": {"percent": null}}), "rate.percent"),
        (json!({"rate": null}), "rate"),
        (json!({"rule_id": "other"}), "rule_id"),
    ] {
        let refused = patch(api, path, "*", body.clone()).await;
        assert_eq!(refused.is_problem(400, "invalid-field")["field"], field, "{body}");
    }
    let missing = patch(api, "/v1/earning-rules/none", "*", json!({})).await;
    missing.is_problem(404, "not-found");

    let path = "/v1/policy";
    let response = api.request("GET", path, "operator").send().await.expect("answered");
    let etag = response.headers()["etag"].to_str().expect("a text").to_owned();
    assert!(etag.starts_with("\"0-"), "nobody has set it: {etag}");
    let set = patch(api, path, &etag, json!({"refund_grace_days": 7})).await.is(200);
    assert_eq!((&set["spent_credit"], &set["refund_grace_days"]), (&json!("refuse"), &json!(7)));
    assert_eq!(set["version"], 1);
    let stale = patch(api, path, &etag, json!({"refund_grace_days": 8})).await;
    assert_eq!(stale.is_problem(412, "policy-changed")["version"], 1);
    let whole = json!({"spent_credit": "debt", "refund_grace_days": 8});
    let put = api.request("PUT", path, "operator").header("if-match", &etag).json(&whole);
    api.send(put).await.expect("answered").is_problem(412, "policy-changed");
    let put = api.request("PUT", path, "operator").header("if-match", "\"1\"").json(&whole);
    let put = api.send(put).await.expect("answered").is(200);
    let (status, debt) = (&put["spent_credit"], json!("debt"));
    assert_eq!((status, &put["version"]), (&debt, &json!(2)));
    let without = api.request("PATCH", path, "operator").json(&json!({}));
    api.send(without).await.expect("answered").is_problem(428, "if-match-missing");
    let refused = patch(api, path, "*", json!({"grace": null})).await;
    assert_eq!(refused.is_problem(400, "invalid-field")["field"], "grace");
    assert_eq!(ledger.stop(), Some(0));
}

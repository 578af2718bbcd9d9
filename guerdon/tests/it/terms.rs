//! How an operator sets and changes the terms of offers, rules and the policy, over HTTP, on a real
//! ledger.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::ledger::{Answer, Api, Ledger};

const MUG: &str = "/v1/offers/mug";

fn whole_mug() -> Value {
    json!({"product_id": "mug-blue", "price": 300, "stock": 10, "limit_per_shopper": 3,
        "opens_at": "2026-01-01T00:00:00Z", "closes_at": "2126-01-01T00:00:00Z",
        "warehouse": "west", "ships": true, "name": "Blue mug", "description": "A mug, blue.",
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
    expected["unit"] = json!("points");
    expected["prices"] = json!([{"unit": "points", "points": 300}]);
    assert_eq!(terms_of(&opened), expected);

    for (patched, name, value) in [
        (json!({"price": 250}), "price", json!(250)),
        (json!({"name": "Mug, blue", "price": 250}), "name", json!("Mug, blue")),
        (json!({"warehouse": null}), "warehouse", json!("main")),
    ] {
        let answer = api.patch(MUG, "*", patched).await.is(200);
        expected[name] = value;
        expected["prices"] = json!([{"unit": "points", "points": 250}]);
        assert_eq!(terms_of(&answer), expected);
    }
    for name in ["limit_per_shopper", "closes_at", "description"] {
        let answer = api.patch(MUG, "*", json!({name: null})).await.is(200);
        expected.as_object_mut().expect("an object").remove(name);
        assert_eq!(terms_of(&answer), expected, "null drops {name}");
    }
    let attributes = json!({"colour": null, "size": {"oz": null}, "for": ["tea"]});
    let answer = api.patch(MUG, "*", json!({"attributes": attributes})).await;
    expected["attributes"] = json!({"size": {"ml": 300}, "for": ["tea"]});
    assert_eq!(terms_of(&answer.is(200)), expected);

    let position = answer.position.expect("a position");
    let read = api.get_after(&position, "shopper", MUG).await.is(200);
    assert_eq!(terms_of(&read), expected, "it is read as it was answered");
    let closed = api.put("operator", "/v1/offers/mug/closure", json!({})).await.is(201);
    assert_eq!(terms_of(&closed), expected, "a closure shows the page, too");
    api.patch(MUG, "*", json!({"price": 1})).await.is_problem(409, "offer-closed");
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
    api.patch("/v1/offers/cup", "*", json!({"price": 1})).await.is_problem(404, "not-found");

    assert_eq!(api.patch(MUG, "\"1\"", json!({"price": 250})).await.is(200)["version"], 2);
    let again = api.request("PATCH", MUG, "operator").header("if-match", "\"1\"");
    let again = again.json(&json!({"price": 250})).send().await.expect("answered");
    assert_eq!(again.status(), 200);
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    let stale = api.patch(MUG, "\"1\"", json!({"price": 200})).await;
    assert_eq!(stale.is_problem(412, "offer-changed")["version"], 2);
    api.patch(MUG, "W/\"2\"", json!({"price": 200})).await.is_problem(412, "offer-changed");
    assert_eq!(api.patch(MUG, "\"1\", \"2-x\"", json!({"price": 200})).await.is(200)["version"], 3);

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
        (json!({"description": "a\u{0}b"}), "description"),
    ] {
        let refused = api.patch(MUG, "*", body.clone()).await;
        assert_eq!(refused.is_problem(400, "invalid-field")["field"], field, "{body}");
    }
    // What somebody else changed meanwhile may not fit: that is no fault of the caller's.
    let later = json!({"opens_at": "2100-01-01T00:00:00Z", "closes_at": null});
    assert_eq!(api.patch(MUG, "\"3\"", later).await.is(200)["version"], 4);
    let stale = api.patch(MUG, "\"3\"", json!({"closes_at": "2099-01-01T00:00:00Z"})).await;
    assert_eq!(stale.is_problem(412, "offer-changed")["version"], 4);
    api.patch(MUG, "*", json!([])).await.is_problem(400, "invalid-json");
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
            api.patch(MUG, "*", attributes).await.is(200);
        });
    }
    each.join_all().await;
    let answer = api.patch(MUG, "*", json!({})).await.is(200);
    let all: BTreeMap<String, u64> = (0..40).map(|number| (format!("a{number}"), number)).collect();
    assert_eq!((&answer["attributes"], &answer["version"]), (&json!(all), &json!(41)));

    let mut each = JoinSet::new();
    for price in 2..12 {
        let api = api.clone();
        each.spawn(async move { api.patch(MUG, "\"41\"", json!({"price": price})).await.status });
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

    api.patch(MUG, "\"1\"", json!({"price": 250})).await.is(200);
    put(whole_mug()).await.is_problem(428, "offer-exists");
    api.patch(MUG, "\"2\"", json!({"price": 300})).await.is(200);
    assert_eq!(put(whole_mug()).await.is(200)["version"], 3, "it has these terms again");
    api.put("operator", "/v1/offers/mug/closure", json!({})).await.is(201);
    put(whole_mug()).await.is_problem(409, "offer-closed");
    let mut other = whole_mug();
    other["price"] = json!(301);
    put(other).await.is_problem(428, "offer-exists");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_is_taken_away_and_never_what_is_sold() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    api.opens("mug", 1, Some(10), None).await;
    api.earns("ann", 500, "B-1").await;
    buys(api, "x-1", 4).await.is(201);
    let remove = async |id: &str, units: u64, if_match: Option<&str>| {
        let path = format!("{MUG}/stock-removals/{id}");
        let request = api.request("PUT", &path, "operator").json(&json!({"units": units}));
        let request = match if_match {
            Some(if_match) => request.header("if-match", if_match),
            None => request,
        };
        api.send(request).await.expect("answered")
    };
    remove("d-1", 5, None).await.is_problem(428, "if-match-missing");
    remove("d-1", 5, Some("\"2\"")).await.is_problem(412, "offer-changed");
    let sold = remove("d-1", 7, Some("\"1\"")).await;
    assert_eq!(sold.is_problem(409, "stock-sold")["sold"], 4);
    let removed = remove("d-1", 6, Some("\"1\"")).await;
    let position = removed.position.clone().expect("a position");
    assert_eq!(
        removed.is(201),
        json!({"offer_id": "mug", "removal_id": "d-1", "units": 6, "position": position})
    );
    remove("d-1", 6, Some("\"7\"")).await.is(200);
    assert_eq!(remove("d-1", 5, Some("*")).await.is_problem(422, "id-reused")["field"], "units");
    // The gate in front of the queue knows of it, too.
    buys(api, "x-2", 1).await.is_problem(409, "sold-out");
    let offer = api.get_after(&position, "shopper", MUG).await.is(200);
    let found = ["stock", "remaining", "version"].map(|name| offer[name].clone());
    assert_eq!((found, &offer["status"]), ([4, 0, 1].map(Value::from), &json!("sold-out")));
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stock_becomes_unlimited_and_limited_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    api.opens("mug", 1, Some(3), None).await;
    api.earns("ann", 500, "B-1").await;
    buys(api, "x-1", 3).await.is(201);
    buys(api, "x-2", 1).await.is_problem(409, "sold-out");
    let stock = |stock: Value| json!({ "stock": stock });
    let refused = api.patch(MUG, "\"1\"", stock(json!(5))).await;
    assert_eq!(refused.is_problem(409, "stock-not-amendable")["stock"], 3);
    let unlimited = api.patch(MUG, "\"1\"", stock(Value::Null)).await.is(200);
    let found = ["stock", "remaining", "version"].map(|name| unlimited[name].clone());
    assert_eq!(found, [Value::Null, Value::Null, json!(2)]);
    buys(api, "x-2", 5).await.is(201);
    let refused = api.patch(MUG, "*", stock(json!(7))).await;
    assert_eq!(refused.is_problem(409, "stock-sold")["sold"], 8);
    let both = api.patch(MUG, "\"2\"", json!({"stock": 8, "price": 2})).await;
    let position = both.position.clone().expect("a position");
    let limited = both.is(200);
    let found = ["stock", "remaining", "version", "price"].map(|name| limited[name].clone());
    assert_eq!((found, &limited["status"]), ([8, 0, 4, 2].map(Value::from), &json!("sold-out")));
    buys(api, "x-3", 1).await.is_problem(409, "sold-out");
    let read = api.get_after(&position, "shopper", MUG).await.is(200);
    assert_eq!((&read["remaining"], &read["version"]), (&json!(0), &json!(4)));
    api.put("operator", &format!("{MUG}/stock-additions/s-1"), json!({"units": 1})).await.is(201);
    let bought = buys(api, "x-3", 1).await;
    bought.is(201);
    let position = bought.position.expect("a position");
    let read = api.get_after(&position, "shopper", MUG).await.is(200);
    assert_eq!((&read["remaining"], &read["stock"]), (&json!(0), &json!(9)));
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reopened_offer_remembers_what_each_shopper_has_had() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    let body = json!({"product_id": "p", "price": 1, "stock": 9, "limit_per_shopper": 3,
        "name": "Blue mug"});
    api.put("operator", MUG, body.clone()).await.is(201);
    api.earns("ann", 500, "B-1").await;
    buys(api, "x-1", 2).await.is(201);
    let reopen = async |id: &str, if_match: &str| {
        let path = format!("{MUG}/reopenings/{id}");
        api.put_over(&path, if_match, json!({})).await
    };
    reopen("o-1", "*").await.is_problem(409, "offer-not-closed");
    let path = format!("{MUG}/closure");
    api.put("operator", &path, json!({})).await.is(201);
    let unread = api.put("operator", &format!("{MUG}/reopenings/o-1"), json!({})).await;
    unread.is_problem(428, "if-match-missing");
    reopen("o-1", "\"1\"").await.is_problem(412, "offer-changed");
    let reopened = reopen("o-1", "\"2\"").await.is(201);
    let found = ["status", "name"].map(|name| reopened[name].clone());
    assert_eq!((found, &reopened["version"]), (["open", "Blue mug"].map(Value::from), &json!(3)));
    let refused = buys(api, "x-2", 2).await.is_problem(409, "shopper-limit-reached");
    assert_eq!(refused["taken"], 2);
    let bought = buys(api, "x-2", 1).await;
    bought.is(201);
    let position = bought.position.expect("a position");
    let own = "/v1/accounts/ann/offers/mug";
    let own = api.get_after(&position, "shopper", own).await.is(200);
    assert_eq!(
        (&own["taken"], &own["may_take"], &own["version"]),
        (&3.into(), &0.into(), &3.into())
    );
    assert_eq!(api.put("operator", MUG, body).await.is(200)["version"], 3, "as it was opened");
    assert_eq!(api.put("operator", &path, json!({})).await.is(201)["version"], 4, "closed again");
    let again = reopen("o-1", "\"2\"").await.is(200);
    assert_eq!((&again["status"], &again["version"]), (&json!("closed"), &json!(4)), "a repeat");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn segments_limits_and_pauses_are_refused_with_their_reasons() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    let body = json!({"product_id": "p", "price": 1, "stock": 9, "segment": "staff",
        "limits_per_shopper": {"day": 1}, "time_zone": "Europe/Berlin"});
    let opened = api.put("operator", MUG, body).await.is(201);
    assert_eq!(opened["limits_per_shopper"], json!({"day": 1}));
    api.earns("ann", 500, "B-1").await;
    let refused = buys(api, "x-1", 1).await.is_problem(409, "segment-required");
    assert_eq!(refused["segment"], "staff");

    let segment = "/v1/accounts/ann/segments/staff";
    let leaves = |version: &str| {
        let request = api.request("PUT", segment, "merchant").header("if-match", version);
        api.send(request.json(&json!({"member": false})))
    };
    let set = api.put("merchant", segment, json!({"member": true})).await.is(200);
    assert_eq!(set["member"], true);
    leaves("\"1\"").await.expect("answered").is_problem(412, "segment-changed");
    buys(api, "x-1", 1).await.is(201);
    let refused = buys(api, "x-2", 1).await.is_problem(409, "shopper-limit-reached");
    let facts = ["period", "limit", "taken", "asked"].map(|name| refused[name].clone());
    assert_eq!(facts, [json!("day"), json!(1), json!(1), json!(1)]);
    assert!(refused["renews_at"].is_string(), "{refused}");

    let paused = api.put("operator", &format!("{MUG}/pause"), json!({})).await.is(201);
    assert_eq!((&paused["status"], &paused["version"]), (&json!("paused"), &json!(2)));
    let refused = buys(api, "x-2", 1).await.is_problem(409, "offer-not-open");
    assert_eq!(refused["reason"], "paused");
    assert!(refused["paused_at"].is_string(), "{refused}");
    buys(api, "x-1", 1).await.is(200);
    let path = format!("{MUG}/resumptions/r-1");
    let resumed = api.put_over(&path, "\"2\"", json!({})).await.is(201);
    assert_eq!((&resumed["status"], &resumed["version"]), (&json!("open"), &json!(3)));
    let late = api.put_over(&format!("{MUG}/pause"), "\"1\"", json!({})).await;
    late.is_problem(412, "offer-changed");
    let position = set["position"].as_str().and_then(|at| at.strip_prefix("0:")).expect("a place");
    let gone = leaves(&format!("\"{position}\"")).await.expect("answered").is(200);
    assert_eq!(gone["member"], false);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_free_or_is_not_shipped_is_exchanged_as_all_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    let free = json!({"product_id": "sample", "price": 0, "stock": 3, "limit_per_shopper": 2});
    api.put("operator", MUG, free).await.is(201);
    let code = json!({"product_id": "code", "price": 100, "stock": null, "ships": false});
    assert_eq!(api.put("operator", "/v1/offers/code", code).await.is(201)["ships"], false);
    buys(api, "x-1", 1).await.is_problem(409, "account-unknown");
    api.earns("ann", 500, "B-1").await;

    let preview = "/v1/accounts/ann/exchanges/x-1?dry_run=true";
    let body = json!({"offer_id": "mug", "quantity": 1, "deliver_to": "1 Elm Street"});
    let preview = api.put("shopper", preview, body).await.is(200);
    assert_eq!(
        preview["preview"],
        json!({"points": 0, "unit": "points", "lots": [], "available": 500, "available_after": 500,
            "prices": [{"points": 0, "unit": "points", "lots": [], "available": 500,
                "available_after": 500}]})
    );
    let path = "/v1/accounts/ann/exchanges";
    let two = json!({
        "offer_id": "mug", "quantity": 2, "deliver_to": "1 Elm Street", "expected_points": 0,
    });
    for status in [201, 200] {
        let created = api.put("shopper", &format!("{path}/x-1"), two.clone()).await;
        assert_eq!(created.is(status)["points"], 0);
    }
    buys(api, "x-2", 1).await.is_problem(409, "shopper-limit-reached");
    let nowhere = json!({"offer_id": "mug", "quantity": 1});
    let nowhere = api.put("shopper", &format!("{path}/x-2"), nowhere).await;
    nowhere.is_problem(409, "deliver-to-missing");
    let blank = json!({"offer_id": "mug", "quantity": 1, "deliver_to": " \u{a0}"});
    let blank = api.put("shopper", &format!("{path}/x-2"), blank).await;
    assert_eq!(blank.is_problem(400, "invalid-field")["field"], "deliver_to");
    let cancelled = json!({"quantity": 1});
    let cancelled = api.put("shopper", &format!("{path}/x-1/cancellations/c-1"), cancelled).await;
    assert_eq!(cancelled.is(201)["points"], 0);

    let code = json!({"offer_id": "code", "quantity": 2});
    let created = api.put("shopper", &format!("{path}/x-2"), code).await;
    assert_eq!(created.is(201)["points"], 200);
    let position = created.position.expect("a position");
    let read = api.get_after(&position, "shopper", &format!("{path}/x-2")).await.is(200);
    assert_eq!((&read["status"], &read["points"]), (&json!("created"), &json!(200)));
    let free = api.get("shopper", &format!("{path}/x-1")).await.is(200);
    let found = ["points", "refunded_points", "cancelled_quantity"].map(|name| free[name].clone());
    assert_eq!(found, [0, 0, 1].map(Value::from));
    assert_eq!(api.list("shopper", path).await.len(), 2);
    let requests = api.list("operator", "/v1/shipping-requests").await;
    assert_eq!(requests.len(), 1, "nobody is asked to ship a code: {requests:?}");
    assert_eq!(requests[0]["exchange_id"], "x-1");
    let entries = api.list("shopper", "/v1/accounts/ann/entries").await;
    assert_eq!(entries.len(), 2, "what is free moves no credit: {entries:?}");

    let by_shopper = api.put("shopper", &format!("{path}/x-2/cancellations/c-1"), json!({})).await;
    by_shopper.is_problem(409, "handed-over");
    let cancelled = api.put("operator", &format!("{path}/x-2/cancellations/c-1"), json!({})).await;
    assert_eq!(cancelled.is(201)["points"], 200);
    let position = cancelled.position.expect("a position");
    let read = api.get_after(&position, "shopper", &format!("{path}/x-2")).await.is(200);
    assert_eq!(read["status"], "cancelled");

    assert_eq!(ledger.stop(), Some(0));
}

async fn buys(api: &Api, exchange: &str, quantity: u64) -> Answer {
    let path = format!("/v1/accounts/ann/exchanges/{exchange}");
    let body = json!({"offer_id": "mug", "quantity": quantity, "deliver_to": "1 Elm Street"});
    api.put("shopper", &path, body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_and_the_policy_are_patched_as_offers_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    let path = "/v1/earning-rules/default";
    let rule = json!({"rate": {"points": 10, "per_amount": 100, "full_steps_only": null},
        "categories": [{"category": "books", "rate": {"points": 20, "per_amount": 100}}],
        "multipliers": [{"from": "2026-12-01T00:00:00Z", "until": "2027-01-01T00:00:00Z",
            "percent": 200}],
        "cap": {"points": 500, "period": "day"}, "expiry": {"months": 12}, "pending_days": 14});
    let set = api.put("operator", path, rule.clone()).await.is(201);
    let unchanged = api.patch(path, "\"1\"", json!({})).await.is(200);
    assert_eq!(unchanged, set, "nothing was asked for");
    let rate = api.patch(path, "\"1\"", json!({"rate": {"points": 15}})).await.is(200);
    assert_eq!(
        (&rate["rate"], &rate["version"]),
        (&json!({"points": 15, "per_amount": 100}), &2.into())
    );
    assert_eq!((&rate["cap"], &rate["expiry"]), (&set["cap"], &set["expiry"]));
    let stale = api.patch(path, "\"1\"", json!({"cap": null})).await;
    assert_eq!(stale.is_problem(412, "rule-changed")["version"], 2);
    let less = json!({"cap": null, "categories": null, "multipliers": null, "pending_days": null,
        "expiry": {"months": null, "end_of_year": 1}});
    let less = api.patch(path, "\"2\"", less).await.is(200);
    let left = json!({"unit": "points", "rate": rate["rate"], "expiry": {"end_of_year": 1}});
    assert_eq!(terms_of(&less), left);
    for (body, field) in [
        (json!({"expiry": {"months": 3}}), "expiry"),
        (json!({"rate": {"percent": null}}), "rate.percent"),
        (json!({"rate": null}), "rate"),
        (json!({"rule_id": "other"}), "rule_id"),
    ] {
        let refused = api.patch(path, "*", body.clone()).await;
        assert_eq!(refused.is_problem(400, "invalid-field")["field"], field, "{body}");
    }
    let missing = api.patch("/v1/earning-rules/none", "*", json!({})).await;
    missing.is_problem(404, "not-found");

    let path = "/v1/policy";
    let response = api.request("GET", path, "operator").send().await.expect("answered");
    let etag = response.headers()["etag"].to_str().expect("a text").to_owned();
    assert!(etag.starts_with("\"0-"), "nobody has set it: {etag}");
    let set = api.patch(path, &etag, json!({"refund_grace_days": 7})).await.is(200);
    assert_eq!((&set["spent_credit"], &set["refund_grace_days"]), (&json!("refuse"), &json!(7)));
    assert_eq!(set["version"], 1);
    let stale = api.patch(path, &etag, json!({"refund_grace_days": 8})).await;
    assert_eq!(stale.is_problem(412, "policy-changed")["version"], 1);
    let whole = json!({
        "spent_credit": "debt", "refund_grace_days": 8, "grace_on_own_request": null,
    });
    let put = api.put_over(path, &etag, whole.clone()).await;
    put.is_problem(412, "policy-changed");
    let put = api.put_over(path, "\"1\"", whole).await.is(200);
    let (status, debt) = (&put["spent_credit"], json!("debt"));
    assert_eq!((status, &put["version"]), (&debt, &json!(2)));
    let without = api.request("PATCH", path, "operator").json(&json!({}));
    api.send(without).await.expect("answered").is_problem(428, "if-match-missing");
    let refused = api.patch(path, "*", json!({"grace": null})).await;
    assert_eq!(refused.is_problem(400, "invalid-field")["field"], "grace");
    assert_eq!(ledger.stop(), Some(0));
}

//! Units over HTTP, on a real ledger: made, named anew and closed; credit is of one, and they never
//! mix.

use serde_json::{Value, json};

use crate::ledger::{Answer, Api, Ledger};

/// A ledger with miles, and with status, which only counts.
async fn make_units(api: &Api) {
    let miles = json!({"name": "Miles", "decimals": 2, "time_zone": "Europe/Berlin"});
    api.put("operator", "/v1/units/miles", miles).await.is(201);
    api.put("operator", "/v1/units/status", json!({"spendable": false})).await.is(201);
}

async fn put_for(api: &Api, if_match: &str, body: Value) -> Answer {
    api.put_over("/v1/units/miles", if_match, body).await
}

fn review(unit: Option<&str>, points: u64, id: &str) -> Value {
    let mut body = json!({"points": points, "cause": {"kind": "review", "id": id}});
    if let Some(unit) = unit {
        body["unit"] = json!(unit);
    }
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_name_of_a_unit_can_change_and_it_is_closed_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    make_units(api).await;
    let same = json!({"name": "Miles", "decimals": 2, "time_zone": "Europe/Berlin"});
    assert_eq!(api.put("operator", "/v1/units/miles", same).await.is(200)["version"], 1);
    let named = json!({"name": "Sea miles", "decimals": 2, "time_zone": "Europe/Berlin"});
    api.put("operator", "/v1/units/miles", named.clone()).await.is_problem(428, "unit-exists");
    assert_eq!(put_for(api, "\"1\"", named.clone()).await.is(200)["version"], 2);
    put_for(api, "\"1\"", json!({"name": "M"})).await.is_problem(412, "unit-changed");
    // A rename that leaves decimals out would set them to 0: no If-Match helps there, so none is
    // asked for.
    let reset = json!({"name": "M"});
    let fixed = put_for(api, "*", reset.clone()).await.is_problem(409, "unit-fixed");
    assert_eq!(fixed["field"], "decimals");
    api.put("operator", "/v1/units/miles", reset.clone()).await.is_problem(409, "unit-fixed");
    let new = api.request("PUT", "/v1/units/miles", "operator").header("if-none-match", "*");
    let new = api.send(new.json(&reset)).await.expect("answered");
    new.is_problem(412, "already-exists");
    let closure = "/v1/units/miles/closure";
    assert_eq!(api.put("operator", closure, json!({})).await.is(201)["version"], 3);
    let answer = api.put("operator", closure, json!({})).await;
    let at = answer.position.clone().expect("a position");
    assert_eq!(answer.is(200)["version"], 3);
    let points = api.put("operator", "/v1/units/points/closure", json!({})).await;
    points.is_problem(409, "unit-not-closable");
    let unknown = api.put("operator", "/v1/units/gold/closure", json!({})).await;
    let unknown = unknown.is_problem(404, "not-found");
    let detail = unknown["detail"].as_str().expect("a sentence");
    assert!(!detail.contains("If-Match"), "a closure has none: {detail}");
    let read = api.get_after(&at, "shopper", "/v1/units/miles").await.is(200);
    assert_eq!((&read["name"], &read["version"]), (&json!("Sea miles"), &json!(3)));
    assert!(read["closed_at"].is_string(), "{read}");
    // What is closed can still be named, as it was read.
    let old = json!({"name": "Old miles", "decimals": 2, "time_zone": "Europe/Berlin"});
    let answer = put_for(api, "\"3\"", old).await;
    let at = answer.position.clone().expect("a position");
    assert_eq!(answer.is(200)["version"], 4);
    let read = api.get_after(&at, "shopper", "/v1/units/miles").await.is(200);
    assert_eq!((&read["name"], &read["version"]), (&json!("Old miles"), &json!(4)));
    assert!(read["closed_at"].is_string(), "{read}");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_names_no_unit_is_one_that_names_points() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    make_units(api).await;
    let credits = "/v1/accounts/ann/credits";
    let earned = api.post("merchant", credits, review(None, 100, "R-1")).await.is(201);
    assert_eq!(earned["unit"], "points");
    let again = api.post("merchant", credits, review(Some("points"), 100, "R-1")).await.is(200);
    assert_eq!(again, earned);
    let other = api.post("merchant", credits, review(Some("miles"), 100, "R-1")).await.is(422);
    assert_eq!((&other["code"], &other["field"]), (&json!("id-reused"), &json!("unit")));
    // Also where a rule gives the points.
    let rule = json!({"rate": {"points": 1, "per_amount": 100}});
    api.put("operator", "/v1/earning-rules/default", rule).await.is(201);
    let bought = |unit: Option<&str>| {
        let mut body = json!({"lines": [{"product_id": "tv", "quantity": 1, "amount": 500}]});
        if let Some(unit) = unit {
            body["unit"] = json!(unit);
        }
        body
    };
    let purchase = "/v1/accounts/ann/purchases/P-1";
    let recorded = api.put("merchant", purchase, bought(Some("points"))).await.is(201);
    assert_eq!((&recorded["unit"], &recorded["points"]), (&json!("points"), &json!(5)));
    assert_eq!(api.put("merchant", purchase, bought(None)).await.is(200), recorded);
    assert_eq!(api.put("merchant", purchase, bought(Some("points"))).await.is(200), recorded);
    let other = api.put("merchant", purchase, bought(Some("miles"))).await.is(400);
    assert_eq!((&other["code"], &other["field"]), (&json!("invalid-field"), &json!("unit")));
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credit_of_one_unit_pays_nothing_of_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    make_units(api).await;
    api.opens("mug", 100, None, None).await;
    let credits = "/v1/accounts/ann/credits";
    for (unit, id) in [("miles", "R-1"), ("status", "R-2")] {
        api.post("merchant", credits, review(Some(unit), 500, id)).await.is(201);
    }
    api.post("merchant", credits, review(Some("gold"), 1, "R-3"))
        .await
        .is_problem(409, "unit-unknown");
    let lacks = api.redeems("ann", "x-1", "mug").await.is(409);
    assert_eq!((&lacks["code"], &lacks["unit"]), (&json!("insufficient-credit"), &json!("points")));
    let taken = json!({"cause": {"kind": "review", "id": "R-1"}, "reason": "a slip"});
    let path = "/v1/accounts/ann/withdrawals/w-1";
    api.put("merchant", path, taken.clone()).await.is_problem(409, "unit-mismatch");
    let mut unknown = taken.clone();
    unknown["unit"] = json!("mile");
    let unknown = api.put("merchant", path, unknown).await.is_problem(409, "unit-unknown");
    assert_eq!(unknown["unit"], "mile");
    let mut too_many = taken;
    too_many["unit"] = json!("miles");
    too_many["points"] = json!(501);
    let too_many = api.put("merchant", path, too_many).await.is_problem(409, "points-too-large");
    assert_eq!(too_many["unit"], "miles");
    assert!(too_many["detail"].as_str().is_some_and(|detail| detail.contains("501 miles")));
    api.post("merchant", "/v1/accounts/bob/credits", review(None, 1, "R-4")).await.is(201);
    let send = |unit: &str| json!({"to": "bob", "unit": unit, "points": 200});
    let path = "/v1/accounts/ann/transfers/t-1";
    api.put("shopper", path, send("status")).await.is_problem(409, "unit-not-spendable");
    let answer = api.put("shopper", path, send("miles")).await;
    let at = answer.position.clone().expect("a position");
    assert_eq!(answer.is(201)["unit"], "miles");
    let bob = api.get_after(&at, "shopper", "/v1/accounts/bob").await.is(200);
    assert_eq!((&bob["available"], &bob["units"]["miles"]["available"]), (&json!(1), &json!(200)));
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_more_of_a_closed_unit_is_earned_and_a_purchase_is_recorded_all_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    make_units(api).await;
    let credits = "/v1/accounts/ann/credits";
    api.post("merchant", credits, review(Some("miles"), 500, "R-1")).await.is(201);
    api.put("operator", "/v1/units/miles/closure", json!({})).await.is(201);
    api.post("merchant", credits, review(Some("miles"), 1, "R-2"))
        .await
        .is_problem(409, "unit-closed");
    let purchase = json!({"unit": "miles", "points": 70,
        "lines": [{"product_id": "tv", "quantity": 1, "amount": 900}]});
    let path = "/v1/accounts/ann/purchases/P-1";
    let recorded = api.put("merchant", path, purchase).await.is(201);
    assert_eq!(recorded["credit_refused"], json!([{"unit": "miles", "code": "unit-closed"}]));
    let back = json!({"unit": "miles", "cause": {"kind": "review", "id": "R-1"}, "points": 100});
    let path = "/v1/accounts/ann/withdrawals/w-1";
    assert_eq!(api.put("merchant", path, back).await.is(201)["unit"], "miles");
    assert_eq!(ledger.stop(), Some(0));
}
